#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "media/picture_header.h"
#include "media/video_join.h"
#include "media/video_reader.h"
#include "media/video_writer.h"

/// The small door between this room and FFmpeg. Linking FFmpeg costs every start of the program the loading of 130 libraries,
/// 20 of 28 ms, and most commands never touch a video. So what needs it is `libdreamrunner_video.so`, opened when the first
/// video is. Outside this room nobody has to know: `VideoReader`, `VideoWriter` and `join_videos` go through here.
namespace dreamrunner {

/// A video being read (`VideoReader`).
class VideoSource {
 public:
  virtual ~VideoSource() = default;
  virtual const VideoInfo& info() const = 0;
  virtual bool next(Picture& picture, double& time_s) = 0;
};

/// A video being written (`VideoWriter`).
class VideoSink {
 public:
  virtual ~VideoSink() = default;
  virtual void add(const FramesView& frames) = 0;
  virtual WrittenVideo finish() = 0;
};

/// A picture as its file holds it: not turned, transparent parts not laid over anything (`read_picture`).
struct StoredPicture {
  Picture picture;
  std::vector<uint8_t> alpha;  ///< height x width; empty where the file has none.
};

/// What this machine's FFmpeg can do.
struct VideoSupport {
  std::string libavcodec;  ///< Its version, such as "59.37.100".
  bool has_x264 = false;
};

/// The other side of the door. Each function does what the class or function of this room with the same task promises.
class VideoLibrary {
 public:
  virtual ~VideoLibrary() = default;
  virtual std::unique_ptr<VideoSource> open(const std::filesystem::path& path, const VideoReadOptions& options) const = 0;
  virtual VideoInfo probe(const std::filesystem::path& path) const = 0;
  virtual std::unique_ptr<VideoSink> create(const std::filesystem::path& path, int width, int height, const VideoOptions& options) const = 0;
  virtual JoinedVideo join(const std::vector<std::filesystem::path>& parts, const std::filesystem::path& path, const VideoOptions& options,
                           const RunContext& run) const = 0;
  /// The picture in `bytes`, which are those of `header` (`read_picture_header`), in 8 bits. Throws Error(input_file).
  virtual StoredPicture decode_picture(std::string_view bytes, const PictureHeader& header, const std::filesystem::path& origin) const = 0;
  virtual VideoSupport support() const = 0;
};

/// Stands for the layout of what passes through this door (compare `engine_interface` in stages/stages.h).
constexpr uint64_t video_interface() {
  uint64_t stamp = 1;
  for (const size_t size : {sizeof(VideoReadOptions), sizeof(VideoInfo), sizeof(Picture), sizeof(FramesView), sizeof(VideoOptions),
                            sizeof(WrittenVideo), sizeof(JoinedVideo), sizeof(RunContext), sizeof(PictureHeader), sizeof(StoredPicture)}) {
    stamp = stamp * 1'000'003 + size;
  }
  return stamp;
}

/// Opens the library once, for the process. It is looked for where the program's or the engine's own search path says: in the
/// build folder, or in `lib/dreamrunner` where it is installed. Throws Error(input_file) with the loader's words when it or
/// FFmpeg is missing.
const VideoLibrary& video_library();

}  // namespace dreamrunner
