#pragma once

#include <fmt/format.h>

#include "media/video_file.h"
#include "media/video_reader.h"

namespace dreamrunner {

/// All that is left of `reader` (a `VideoReader` or an `IsolatedVideo`) of the file `path`. Throws Error(input_file) for more
/// pixels than `options.most_bytes`.
template <class Reader>
Video read_whole(Reader& reader, const std::filesystem::path& path, const VideoReadOptions& options) {
  Video video;
  Picture picture;
  double time_s = 0;
  while (reader.next(picture, time_s)) {
    if (static_cast<int64_t>(video.pixels.size() + picture.rgb.size()) > options.most_bytes) {
      throw video_fault(path, fmt::format("more than {} bytes of pixels found", options.most_bytes));
    }
    video.pixels.insert(video.pixels.end(), picture.rgb.begin(), picture.rgb.end());
    video.times_s.push_back(time_s);
  }
  video.info = reader.info();
  video.info.frames = static_cast<int64_t>(video.times_s.size());
  return video;
}

}  // namespace dreamrunner
