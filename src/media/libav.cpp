#include "media/libav.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include <fmt/format.h>

namespace dreamrunner::libav {
namespace {

constexpr int kIoBufferBytes = 64 << 10;
/// A film has a few: pictures, sound and subtitles in some languages. Each one costs a decoder when a file is looked at.
constexpr unsigned kMostStreams = 64;

/// FFmpeg asks this to open whatever a container refers to.
int refuse_to_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EPERM); }

}  // namespace

void silence() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback([](void*, int, const char*, va_list) {}); });
}

std::string words(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return text;
}

Input::Input(VideoFile file, std::function<void()> at_packet) : file_(std::move(file)), at_packet_(std::move(at_packet)) {
  silence();
  try {
    open_container();
  } catch (...) {
    close();
    throw;
  }
}

Input::~Input() { close(); }

void Input::close() {
  avformat_close_input(&container_);
  if (io_ != nullptr) av_freep(&io_->buffer);
  avio_context_free(&io_);
}

void Input::refuse(const std::string& why, int code) const { refuse(fmt::format("{} ({})", why, words(code))); }

void Input::open_container() {
  auto* buffer = allocated(static_cast<unsigned char*>(av_malloc(kIoBufferBytes)));
  io_ = avio_alloc_context(buffer, kIoBufferBytes, 0, this, &Input::read_bytes, nullptr, &Input::seek);
  if (io_ == nullptr) {
    av_free(buffer);
    allocated(io_);
  }
  container_ = allocated(avformat_alloc_context());
  container_->pb = io_;
  container_->io_open = refuse_to_open;
  // Playlist readers open their entries by a way of their own; no protocol has this name.
  AVDictionary* options = nullptr;
  av_dict_set(&options, "protocol_whitelist", "none", 0);
  // No file name: what a file is shall be told by its content.
  const int opened = avformat_open_input(&container_, "", nullptr, &options);
  av_dict_free(&options);
  if (opened < 0) refuse("not a video that can be read", opened);
  if (container_->nb_streams > kMostStreams) refuse(fmt::format("{} streams found, up to {} expected", container_->nb_streams, kMostStreams));
  const int found = avformat_find_stream_info(container_, nullptr);
  if (found < 0) refuse("not a video that can be read", found);

  for (unsigned i = 0; i < container_->nb_streams; ++i) {
    AVStream* stream = container_->streams[i];
    const bool picture = (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
    if (stream_ == nullptr && !picture && stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO) {
      stream_ = stream;
    } else {
      stream->discard = AVDISCARD_ALL;
    }
  }
  if (stream_ == nullptr) refuse("no video stream found");
}

bool Input::read(AVPacket& packet) {
  for (;;) {
    av_packet_unref(&packet);
    const int code = av_read_frame(container_, &packet);
    if (code == AVERROR_EOF) {
      // The index tells what a complete file holds; formats without one list fewer packets than there are.
      const int listed = avformat_index_get_entries_count(stream_);
      if (!jumped_ && packets_ < listed) refuse(fmt::format("cut short: {} frames found, {} expected", packets_, listed));
      return false;
    }
    if (code < 0) refuse(fmt::format("damaged or cut short after {} frames", packets_), code);
    if (packet.stream_index != stream_->index) continue;
    if ((packet.flags & AV_PKT_FLAG_CORRUPT) != 0) refuse(fmt::format("damaged or cut short at frame {}", packets_));
    ++packets_;
    if (at_packet_) at_packet_();
    return true;
  }
}

bool Input::go_before(int64_t stamp) {
  // Program and transport streams have no index, but places that were guessed from time stamps, which may begin anew.
  if ((container_->iformat->flags & AVFMT_TS_DISCONT) != 0 || avformat_index_get_entries_count(stream_) == 0) return false;
  if (avformat_seek_file(container_, stream_->index, INT64_MIN, stamp, stamp, 0) < 0) return false;
  jumped_ = true;
  return true;
}

int Input::read_bytes(void* self, uint8_t* buffer, int size) {
  auto& input = *static_cast<Input*>(self);
  for (;;) {
    const ssize_t n = ::pread(input.file_.descriptor(), buffer, static_cast<size_t>(size), input.position_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return AVERROR(errno);
    input.position_ += n;
    return n == 0 ? AVERROR_EOF : static_cast<int>(n);
  }
}

int64_t Input::seek(void* self, int64_t offset, int whence) {
  auto& input = *static_cast<Input*>(self);
  if (whence == AVSEEK_SIZE) return input.file_.size();
  int64_t target = offset;
  if (whence == SEEK_CUR) target += input.position_;
  if (whence == SEEK_END) target += input.file_.size();
  if (target < 0 || target > input.file_.size()) return AVERROR(EINVAL);
  input.position_ = target;
  return target;
}

}  // namespace dreamrunner::libav
