#include "media/libav_video.h"

#include <locale.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "media/colour_conversion.h"
#include "media/mp4_output.h"

extern "C" {
#include <libavutil/opt.h>
}

namespace dreamrunner::libav {
namespace {

constexpr int kLargestSide = 16384;  ///< Of H.264's levels.
/// One: x264's bytes depend on the number of its threads.
constexpr int kThreads = 1;

int even(int side) { return side + side % 2; }

FramePtr make_buffer(AVPixelFormat format, int width, int height) {
  FramePtr frame = make_frame();
  frame->format = format;
  frame->width = width;
  frame->height = height;
  if (av_frame_get_buffer(frame.get(), 0) < 0) allocated<AVFrame>(nullptr);
  return frame;
}

/// The C locale, for this thread, for as long as the object lives. x264 prints its settings into the film with the decimal
/// sign of the process.
class PlainNumbers {
 public:
  PlainNumbers() : plain_(allocated(::newlocale(LC_ALL_MASK, "C", nullptr))), previous_(::uselocale(plain_)) {}
  ~PlainNumbers() {
    ::uselocale(previous_);
    ::freelocale(plain_);
  }
  PlainNumbers(const PlainNumbers&) = delete;
  PlainNumbers& operator=(const PlainNumbers&) = delete;

 private:
  locale_t plain_;
  locale_t previous_;
};

CodecPtr open_encoder(int width, int height, const VideoOptions& options) {
  const AVCodec* codec = avcodec_find_encoder_by_name("libx264");
  if (codec == nullptr) {
    throw Error(ErrorKind::usage, "video: this FFmpeg has no H.264 encoder (libx264)",
                "install a libavcodec that is built with x264, as Debian's is");
  }
  CodecPtr context(allocated(avcodec_alloc_context3(codec)));
  context->width = width;
  context->height = height;
  context->pix_fmt = AV_PIX_FMT_YUV420P;
  context->time_base = time_base_of(options.rate);
  context->framerate = {options.rate.num, options.rate.den};
  context->color_range = AVCOL_RANGE_MPEG;
  context->colorspace = AVCOL_SPC_BT709;
  context->color_primaries = AVCOL_PRI_BT709;
  context->color_trc = AVCOL_TRC_BT709;
  context->chroma_sample_location = AVCHROMA_LOC_LEFT;
  context->thread_count = kThreads;
  context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
  av_opt_set(context->priv_data, "preset", "medium", 0);
  // x264 164's AVX-512 code depends on what memory held before: of 4,500 encodes of five small films, 51 came out in
  // other bytes. Up to AVX2 none did, and the bytes are those of its plain C code.
  if (__builtin_cpu_supports("avx512f")) av_opt_set(context->priv_data, "x264-params", "asm=avx2", 0);
  av_opt_set_double(context->priv_data, "crf", options.crf, 0);
  const PlainNumbers plain;
  const int code = avcodec_open2(context.get(), codec, nullptr);
  if (code < 0) throw Error(ErrorKind::bug, fmt::format("video: x264 refuses {} x {} ({})", width, height, words(code)));
  return context;
}

/// Copies a picture into a buffer that may be one column and one line larger, repeating the edge.
void copy_padded(const uint8_t* rgb, int width, int height, AVFrame& buffer) {
  const size_t row_bytes = size_t{3} * static_cast<size_t>(width);
  for (int y = 0; y < buffer.height; ++y) {
    uint8_t* row = buffer.data[0] + static_cast<ptrdiff_t>(y) * buffer.linesize[0];
    std::memcpy(row, rgb + row_bytes * static_cast<size_t>(std::min(y, height - 1)), row_bytes);
    if (buffer.width > width) std::memcpy(row + row_bytes, row + row_bytes - 3, 3);
  }
}

void check_request(const std::filesystem::path& path, int width, int height, const FrameRate& rate) {
  if (width < 1 || height < 1 || width > kLargestSide || height > kLargestSide) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: pictures of {} x {}, sides from 1 to {} expected", path.string(), width, height, kLargestSide));
  }
  if (rate.num < 1 || rate.den < 1)
    throw Error(ErrorKind::usage, fmt::format("{}: frame rate {}, one above zero expected", path.string(), to_string(rate)));
}

class LibavSink : public VideoSink {
 public:
  LibavSink(const std::filesystem::path& path, int width, int height, const VideoOptions& options)
      : path_(path),
        width_(width),
        height_(height),
        output_(path),
        encoder_(open_encoder(even(width), even(height), options)),
        converter_(even(width), even(height)),
        rgb_(make_buffer(AV_PIX_FMT_RGB24, even(width), even(height))),
        yuv_(make_buffer(AV_PIX_FMT_YUV420P, even(width), even(height))),
        packet_(make_packet()) {
    AVCodecParameters* parameters = allocated(avcodec_parameters_alloc());
    try {
      if (avcodec_parameters_from_context(parameters, encoder_.get()) < 0) allocated<AVCodecParameters>(nullptr);
      output_.begin(*parameters, encoder_->time_base, options.rate, options.metadata);
    } catch (...) {
      avcodec_parameters_free(&parameters);
      throw;
    }
    avcodec_parameters_free(&parameters);
  }

  void add(const FramesView& added) override;
  WrittenVideo finish() override;

 private:
  /// Hands a frame (null: the end) to the encoder and its packets to the file.
  void encode(const AVFrame* frame) {
    int code = avcodec_send_frame(encoder_.get(), frame);
    while (code >= 0) {
      code = avcodec_receive_packet(encoder_.get(), packet_.get());
      if (code < 0) break;
      packet_->duration = 1;  // x264 leaves it open.
      output_.write(*packet_, encoder_->time_base);
    }
    if (code != AVERROR(EAGAIN) && code != AVERROR_EOF) {
      throw Error(ErrorKind::bug, fmt::format("{}: x264 failed at frame {} ({})", path_.string(), frames_, words(code)));
    }
  }

  std::filesystem::path path_;
  int width_;
  int height_;
  Mp4Output output_;
  CodecPtr encoder_;
  RgbToFilm converter_;
  FramePtr rgb_;
  FramePtr yuv_;
  PacketPtr packet_;
  int64_t frames_ = 0;
};

void LibavSink::add(const FramesView& added) {
  if (added.width != width_ || added.height != height_) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: pictures of {} x {}, {} x {} expected", path_.string(), added.width, added.height, width_, height_));
  }
  for (int i = 0; i < added.frames; ++i) {
    copy_padded(added.frame(i), width_, height_, *rgb_);
    // The encoder may still hold on to the last one.
    if (av_frame_make_writable(yuv_.get()) < 0) allocated<AVFrame>(nullptr);
    converter_.convert(*rgb_, *yuv_);
    yuv_->pts = frames_;
    encode(yuv_.get());
    ++frames_;
  }
}

WrittenVideo LibavSink::finish() {
  if (frames_ == 0) throw Error(ErrorKind::usage, fmt::format("{}: a film of 0 frames, at least 1 expected", path_.string()));
  encode(nullptr);
  output_.commit();
  return {even(width_), even(height_), frames_, width_ % 2 != 0, height_ % 2 != 0};
}

}  // namespace

std::unique_ptr<VideoSink> create_video(const std::filesystem::path& path, int width, int height, const VideoOptions& options) {
  check_request(path, width, height, options.rate);
  return std::make_unique<LibavSink>(path, width, height, options);
}

}  // namespace dreamrunner::libav
