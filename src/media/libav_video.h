#pragma once

// For the .cpp files of `libdreamrunner_video.so` only: the functions behind `VideoLibrary`.

#include "media/video_library.h"

namespace dreamrunner::libav {

std::unique_ptr<VideoSource> open_video(const std::filesystem::path& path, const VideoReadOptions& options);
VideoInfo probe(const std::filesystem::path& path);
std::unique_ptr<VideoSink> create_video(const std::filesystem::path& path, int width, int height, const VideoOptions& options);
JoinedVideo join(const std::vector<std::filesystem::path>& parts, const std::filesystem::path& path, const VideoOptions& options,
                 const RunContext& run);
StoredPicture decode_picture(std::string_view bytes, const PictureHeader& header, const std::filesystem::path& origin);

}  // namespace dreamrunner::libav
