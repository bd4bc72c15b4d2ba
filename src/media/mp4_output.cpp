#include "media/mp4_output.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/files.h"

namespace dreamrunner::libav {
namespace {

/// One line of text: control characters become spaces.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

AVDictionary* make_tags(const std::map<std::string, std::string>& metadata) {
  AVDictionary* tags = nullptr;
  std::string comment;
  for (const auto& [key, value] : metadata) {
    if (key == "title") {
      av_dict_set(&tags, "title", one_line(value).c_str(), 0);
    } else {
      comment += fmt::format("{}{}: {}", comment.empty() ? "" : "\n", one_line(key), one_line(value));
    }
  }
  if (!comment.empty()) av_dict_set(&tags, "comment", comment.c_str(), 0);
  return tags;
}

}  // namespace

Mp4Output::Mp4Output(const std::filesystem::path& path) : path_(path), temporary_(temporary_beside(path)) {
  silence();
  // The prefix keeps a name such as "http:x" a name.
  const std::string url = "file:" + temporary_.string();
  avformat_alloc_output_context2(&container_, nullptr, "mp4", url.c_str());
  allocated(container_);
  container_->flags |= AVFMT_FLAG_BITEXACT;
  const int code = avio_open(&container_->pb, url.c_str(), AVIO_FLAG_WRITE);
  if (code < 0) {
    avformat_free_context(container_);
    check(code);
  }
}

Mp4Output::~Mp4Output() {
  if (container_ == nullptr) return;
  avio_closep(&container_->pb);
  avformat_free_context(container_);
  ::unlink(temporary_.c_str());
}

void Mp4Output::check(int code) const {
  if (code == AVERROR(ENOMEM)) allocated<void>(nullptr);
  if (code < 0) throw Error(ErrorKind::storage, fmt::format("{}: cannot be written: {}", path_.string(), words(code)));
}

void Mp4Output::begin(const AVCodecParameters& codec, AVRational time_base, const FrameRate& rate,
                      const std::map<std::string, std::string>& metadata) {
  AVStream* stream = allocated(avformat_new_stream(container_, nullptr));
  check(avcodec_parameters_copy(stream->codecpar, &codec));
  stream->codecpar->codec_tag = 0;
  stream->time_base = time_base;
  stream->avg_frame_rate = {rate.num, rate.den};
  container_->metadata = make_tags(metadata);
  AVDictionary* options = nullptr;
  av_dict_set(&options, "movflags", "+faststart", 0);
  const int code = avformat_write_header(container_, &options);
  av_dict_free(&options);
  check(code);
}

void Mp4Output::write(AVPacket& packet, AVRational time_base) {
  av_packet_rescale_ts(&packet, time_base, container_->streams[0]->time_base);
  packet.stream_index = 0;
  packet.pos = -1;
  check(av_interleaved_write_frame(container_, &packet));
  check(container_->pb->error);
}

void Mp4Output::commit() {
  check(av_write_trailer(container_));
  avio_flush(container_->pb);
  check(container_->pb->error);
  check(avio_closep(&container_->pb));
  commit_file(temporary_, path_);
  avformat_free_context(container_);
  container_ = nullptr;
}

}  // namespace dreamrunner::libav
