#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "media/libav.h"

namespace dreamrunner::libav {

/// An mp4 file with one video stream, in the making under a temporary name. The same packets give the same bytes: nothing
/// of the clock, the locale or the machine goes in. Without `commit` the file is gone at the end.
class Mp4Output {
 public:
  /// Throws Error(storage) when the folder cannot be written to.
  explicit Mp4Output(const std::filesystem::path& path);
  ~Mp4Output();
  Mp4Output(const Mp4Output&) = delete;
  Mp4Output& operator=(const Mp4Output&) = delete;

  /// Describes the stream and writes the head. "title" becomes the title; every other pair becomes a line `key: value` of
  /// the comment. (The two keys that every player and catalogue shows; private keys of mp4 are shown by few.)
  void begin(const AVCodecParameters& codec, AVRational time_base, const FrameRate& rate,
             const std::map<std::string, std::string>& metadata);
  /// Writes a packet whose times are in `time_base`, and takes its content.
  void write(AVPacket& packet, AVRational time_base);
  /// Writes the tail, moves the index to the front and gives the file its name.
  void commit();

 private:
  void check(int code) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  AVFormatContext* container_ = nullptr;
};

}  // namespace dreamrunner::libav
