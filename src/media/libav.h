#pragma once

// For the .cpp files of this room only: FFmpeg's C interface with owners that clean up, and its errors as ours.

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>
}

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "media/frame_rate.h"
#include "media/video_file.h"

namespace dreamrunner::libav {

/// Turns FFmpeg's own printing off, for the process. Every entry into the room calls it first.
void silence();

/// FFmpeg's words for an error code.
std::string words(int code);

/// Throws Error(memory) for a null pointer that FFmpeg handed back for want of memory.
template <class T>
T* allocated(T* pointer) {
  if (pointer == nullptr) throw Error(ErrorKind::memory, "video: memory ran out");
  return pointer;
}

inline AVRational time_base_of(const FrameRate& rate) { return {rate.den, rate.num}; }

struct Free {
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
  void operator()(AVFrame* p) const { av_frame_free(&p); }
  void operator()(SwsContext* p) const { sws_freeContext(p); }
};
using CodecPtr = std::unique_ptr<AVCodecContext, Free>;
using PacketPtr = std::unique_ptr<AVPacket, Free>;
using FramePtr = std::unique_ptr<AVFrame, Free>;
using ScalerPtr = std::unique_ptr<SwsContext, Free>;

inline PacketPtr make_packet() { return PacketPtr(allocated(av_packet_alloc())); }
inline FramePtr make_frame() { return FramePtr(allocated(av_frame_alloc())); }

/// A video file opened for reading, with its first video stream picked and everything else dropped.
/// The file is opened here and FFmpeg reads through this object; it can open nothing by itself, so that a playlist, or a
/// film that refers to other files or to the network, ends as an error.
class Input {
 public:
  /// Throws Error(input_file) when `path` is no regular file or holds no video, Error(storage) when it cannot be opened.
  explicit Input(const std::filesystem::path& path) : Input(VideoFile(path)) {}
  /// `at_packet` is called for every packet of the video stream that is read, a sign of life.
  explicit Input(VideoFile file, std::function<void()> at_packet = {});
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  AVFormatContext& container() const { return *container_; }
  AVStream& stream() const { return *stream_; }
  const std::filesystem::path& path() const { return file_.path(); }

  /// Reads the video stream's next packet; false at the end of a complete file. Throws Error(input_file) for a file that is
  /// damaged or ends early.
  bool read(AVPacket& packet);

  /// Goes to the last key frame that the file's index has at `stamp` or before it, in the stream's time base; the next packet
  /// read is that frame's. False, and nothing changes, where the file has no index or does not let itself be sought in.
  bool go_before(int64_t stamp);

  [[noreturn]] void refuse(const std::string& why) const { file_.refuse(why); }
  /// With FFmpeg's words for `code`.
  [[noreturn]] void refuse(const std::string& why, int code) const;

 private:
  static int read_bytes(void* self, uint8_t* buffer, int size);
  static int64_t seek(void* self, int64_t offset, int whence);
  void open_container();
  void close();

  VideoFile file_;
  std::function<void()> at_packet_;
  int64_t position_ = 0;
  int64_t packets_ = 0;
  bool jumped_ = false;  ///< Packets were left out, so that their number says nothing any more.
  AVIOContext* io_ = nullptr;
  AVFormatContext* container_ = nullptr;
  AVStream* stream_ = nullptr;
};

}  // namespace dreamrunner::libav
