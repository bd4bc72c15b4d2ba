// The other side of the door of video_library.h: all that `libdreamrunner_video.so` shows.
#include <fmt/format.h>

#include "media/libav.h"
#include "media/libav_video.h"

namespace dreamrunner::libav {
namespace {

class LibavLibrary : public VideoLibrary {
 public:
  std::unique_ptr<VideoSource> open(const std::filesystem::path& path, const VideoReadOptions& options) const override {
    return open_video(VideoFile(path), options);
  }
  VideoInfo probe(const std::filesystem::path& path) const override { return libav::probe(VideoFile(path)); }
  std::unique_ptr<VideoSink> create(const std::filesystem::path& path, int width, int height, const VideoOptions& options) const override {
    return create_video(path, width, height, options);
  }
  JoinedVideo join(const std::vector<std::filesystem::path>& parts, const std::filesystem::path& path, const VideoOptions& options,
                   const RunContext& run) const override {
    return libav::join(parts, path, options, run);
  }
  StoredPicture decode_picture(std::string_view bytes, const PictureHeader& header, const std::filesystem::path& origin) const override {
    return libav::decode_picture(bytes, header, origin);
  }
  VideoSupport support() const override {
    const unsigned version = ::avcodec_version();
    return {fmt::format("{}.{}.{}", version >> 16, version >> 8 & 255, version & 255),
            ::avcodec_find_encoder_by_name("libx264") != nullptr};
  }
};

}  // namespace
}  // namespace dreamrunner::libav

/// The one symbol that `video_library` looks up. Null for a program of another build.
extern "C" __attribute__((visibility("default"))) const dreamrunner::VideoLibrary* dreamrunner_video_library(uint64_t program_interface) {
  static const dreamrunner::libav::LibavLibrary library;
  return program_interface == dreamrunner::video_interface() ? &library : nullptr;
}
