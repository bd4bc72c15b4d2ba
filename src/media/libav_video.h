#pragma once

// For the .cpp files of `libdreamrunner_video.so` and of the decoder of its own process: the functions behind `VideoLibrary`.

#include <functional>

#include "media/video_file.h"
#include "media/video_library.h"

namespace dreamrunner::libav {

/// `at_packet` is called for every packet that is read: a sign of life between pictures, which may be far apart.
std::unique_ptr<VideoSource> open_video(VideoFile file, const VideoReadOptions& options, std::function<void()> at_packet = {});
VideoInfo probe(VideoFile file, std::function<void()> at_packet = {});
std::unique_ptr<VideoSink> create_video(const std::filesystem::path& path, int width, int height, const VideoOptions& options);
JoinedVideo join(const std::vector<std::filesystem::path>& parts, const std::filesystem::path& path, const VideoOptions& options,
                 const RunContext& run);
StoredPicture decode_picture(std::string_view bytes, const PictureHeader& header, const std::filesystem::path& origin);

}  // namespace dreamrunner::libav
