// What this room offers for videos, on top of the library that does the work (video_library.h).
#include "media/read_whole.h"
#include "media/video_join.h"
#include "media/video_library.h"
#include "media/video_reader.h"
#include "media/video_writer.h"

namespace dreamrunner {

VideoReader::VideoReader(const std::filesystem::path& path, const VideoReadOptions& options) : source_(video_library().open(path, options)) {}

VideoReader::~VideoReader() = default;

const VideoInfo& VideoReader::info() const { return source_->info(); }

bool VideoReader::next(Picture& picture, double& time_s) { return source_->next(picture, time_s); }

Video read_video(const std::filesystem::path& path, const VideoReadOptions& options) {
  VideoReader reader(path, options);
  return read_whole(reader, path, options);
}

VideoInfo probe_video(const std::filesystem::path& path) { return video_library().probe(path); }

VideoWriter::VideoWriter(const std::filesystem::path& path, int width, int height, const VideoOptions& options)
    : sink_(video_library().create(path, width, height, options)) {}

VideoWriter::~VideoWriter() = default;

void VideoWriter::add(const FramesView& frames) { sink_->add(frames); }

WrittenVideo VideoWriter::finish() { return sink_->finish(); }

WrittenVideo write_video(const std::filesystem::path& path, const FramesView& frames, const VideoOptions& options, const RunContext& run) {
  VideoWriter writer(path, frames.width, frames.height, options);
  for (int i = 0; i < frames.frames; ++i) {
    run.check();
    writer.add({1, frames.height, frames.width, frames.frame(i)});
  }
  return writer.finish();
}

JoinedVideo join_videos(const std::vector<std::filesystem::path>& parts, const std::filesystem::path& path, const VideoOptions& options,
                        const RunContext& run) {
  return video_library().join(parts, path, options, run);
}

}  // namespace dreamrunner
