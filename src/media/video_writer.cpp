#include "media/video_writer.h"

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

namespace dreamrunner {
namespace {

using namespace libav;

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

}  // namespace

struct VideoWriter::State {
  State(const std::filesystem::path& path_, int width_, int height_, const VideoOptions& options)
      : path(path_),
        width(width_),
        height(height_),
        output(path_),
        encoder(open_encoder(even(width_), even(height_), options)),
        converter(even(width_), even(height_)),
        rgb(make_buffer(AV_PIX_FMT_RGB24, even(width_), even(height_))),
        yuv(make_buffer(AV_PIX_FMT_YUV420P, even(width_), even(height_))),
        packet(make_packet()) {
    AVCodecParameters* parameters = allocated(avcodec_parameters_alloc());
    try {
      if (avcodec_parameters_from_context(parameters, encoder.get()) < 0) allocated<AVCodecParameters>(nullptr);
      output.begin(*parameters, encoder->time_base, options.rate, options.metadata);
    } catch (...) {
      avcodec_parameters_free(&parameters);
      throw;
    }
    avcodec_parameters_free(&parameters);
  }

  /// Hands a frame (null: the end) to the encoder and its packets to the file.
  void encode(const AVFrame* frame) {
    int code = avcodec_send_frame(encoder.get(), frame);
    while (code >= 0) {
      code = avcodec_receive_packet(encoder.get(), packet.get());
      if (code < 0) break;
      packet->duration = 1;  // x264 leaves it open.
      output.write(*packet, encoder->time_base);
    }
    if (code != AVERROR(EAGAIN) && code != AVERROR_EOF) {
      throw Error(ErrorKind::bug, fmt::format("{}: x264 failed at frame {} ({})", path.string(), frames, words(code)));
    }
  }

  std::filesystem::path path;
  int width;
  int height;
  Mp4Output output;
  CodecPtr encoder;
  RgbToFilm converter;
  FramePtr rgb;
  FramePtr yuv;
  PacketPtr packet;
  int64_t frames = 0;
};

VideoWriter::VideoWriter(const std::filesystem::path& path, int width, int height, const VideoOptions& options) {
  check_request(path, width, height, options.rate);
  state_ = std::make_unique<State>(path, width, height, options);
}

VideoWriter::~VideoWriter() = default;

void VideoWriter::add(const FramesView& frames) {
  State& state = *state_;
  if (frames.width != state.width || frames.height != state.height) {
    throw Error(ErrorKind::usage, fmt::format("{}: pictures of {} x {}, {} x {} expected", state.path.string(), frames.width, frames.height,
                                              state.width, state.height));
  }
  for (int i = 0; i < frames.frames; ++i) {
    copy_padded(frames.frame(i), state.width, state.height, *state.rgb);
    // The encoder may still hold on to the last one.
    if (av_frame_make_writable(state.yuv.get()) < 0) allocated<AVFrame>(nullptr);
    state.converter.convert(*state.rgb, *state.yuv);
    state.yuv->pts = state.frames;
    state.encode(state.yuv.get());
    ++state.frames;
  }
}

WrittenVideo VideoWriter::finish() {
  State& state = *state_;
  if (state.frames == 0) throw Error(ErrorKind::usage, fmt::format("{}: a film of 0 frames, at least 1 expected", state.path.string()));
  state.encode(nullptr);
  state.output.commit();
  return {even(state.width), even(state.height), state.frames, state.width % 2 != 0, state.height % 2 != 0};
}

WrittenVideo write_video(const std::filesystem::path& path, const FramesView& frames, const VideoOptions& options, const RunContext& run) {
  VideoWriter writer(path, frames.width, frames.height, options);
  for (int i = 0; i < frames.frames; ++i) {
    run.check();
    writer.add({1, frames.height, frames.width, frames.frame(i)});
  }
  return writer.finish();
}

}  // namespace dreamrunner
