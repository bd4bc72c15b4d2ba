#include "media/colour_conversion.h"

extern "C" {
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

namespace dreamrunner::libav {
namespace {

/// Bicubic, though nothing is resized, for chroma: with bilinear swscale takes the nearest chroma line when it makes RGB.
constexpr int kScalerFlags = SWS_BICUBIC | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_ACCURATE_RND | SWS_BITEXACT;
constexpr int kNeutral = 1 << 16;  ///< One, as swscale writes contrast and saturation.
constexpr int kNotGiven = -513;    ///< swscale's word for "chroma site unknown".

struct Side {
  int format;
  int matrix;  ///< SWS_CS_*; of no account for RGB.
  int full_range;
  int chroma_x = kNotGiven;  ///< Of the chroma sample, in 1/256 of a luma pixel right of the luma sample.
  int chroma_y = kNotGiven;
};

/// A converter that keeps the size. Null where swscale knows no way.
ScalerPtr make_scaler(int width, int height, const Side& from, const Side& to) {
  ScalerPtr scaler(allocated(sws_alloc_context()));
  const std::pair<const char*, int> settings[] = {{"srcw", width},
                                                  {"srch", height},
                                                  {"src_format", from.format},
                                                  {"src_range", from.full_range},
                                                  {"dstw", width},
                                                  {"dsth", height},
                                                  {"dst_format", to.format},
                                                  {"dst_range", to.full_range},
                                                  {"src_h_chr_pos", from.chroma_x},
                                                  {"src_v_chr_pos", from.chroma_y},
                                                  {"dst_h_chr_pos", to.chroma_x},
                                                  {"dst_v_chr_pos", to.chroma_y},
                                                  {"sws_flags", kScalerFlags}};
  for (const auto& [name, value] : settings) {
    if (av_opt_set_int(scaler.get(), name, value, 0) < 0) return nullptr;
  }
  if (sws_init_context(scaler.get(), nullptr, nullptr) < 0) return nullptr;
  // A negative answer means that the coefficients have no meaning between these formats (RGB to RGB, grey).
  sws_setColorspaceDetails(scaler.get(), sws_getCoefficients(from.matrix), from.full_range, sws_getCoefficients(to.matrix), to.full_range,
                           0, kNeutral, kNeutral);
  return scaler;
}

/// The `yuvj` formats are the plain ones plus a promise of full range.
int without_range(int format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P: return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P: return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P: return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P: return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P: return AV_PIX_FMT_YUV411P;
    default: return format;
  }
}

/// SWS_CS_* of a frame, or -1.
int matrix_of(const AVFrame& frame) {
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709: return SWS_CS_ITU709;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M: return SWS_CS_ITU601;
    case AVCOL_SPC_SMPTE240M: return SWS_CS_SMPTE240M;
    case AVCOL_SPC_FCC: return SWS_CS_FCC;
    case AVCOL_SPC_BT2020_NCL: return SWS_CS_BT2020;
    case AVCOL_SPC_RGB:
    case AVCOL_SPC_UNSPECIFIED:
    case AVCOL_SPC_RESERVED: return frame.height >= 720 || frame.width >= 1280 ? SWS_CS_ITU709 : SWS_CS_ITU601;
    default: return -1;
  }
}

/// Limited grey to full. swscale takes all grey for full range.
void stretch_grey(uint8_t* bytes, size_t count) {
  std::array<uint8_t, 256> table{};
  for (int v = 0; v < 256; ++v) table[static_cast<size_t>(v)] = static_cast<uint8_t>(std::clamp(((v - 16) * 510 + 219) / 438, 0, 255));
  for (size_t i = 0; i < count; ++i) bytes[i] = table[bytes[i]];
}

}  // namespace

RgbToFilm::RgbToFilm(int width, int height)
    : scaler_(allocated(
          make_scaler(width, height, {AV_PIX_FMT_RGB24, SWS_CS_ITU709, 1}, {AV_PIX_FMT_YUV420P, SWS_CS_ITU709, 0, 0, 128}).release())) {}

void RgbToFilm::convert(const AVFrame& rgb, AVFrame& film) {
  sws_scale(scaler_.get(), rgb.data, rgb.linesize, 0, rgb.height, film.data, film.linesize);
}

void FilmToRgb::convert(const AVFrame& film, uint8_t* rgb, const std::filesystem::path& origin) {
  const auto refuse = [&](const std::string& why) { throw video_fault(origin, why); };
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(film.format));
  if (format == nullptr || sws_isSupportedInput(static_cast<AVPixelFormat>(film.format)) == 0) {
    refuse(fmt::format("pixel format {} found, one that can be shown as RGB expected", format ? format->name : "unknown"));
  }
  const bool grey = format->nb_components - ((format->flags & AV_PIX_FMT_FLAG_ALPHA) != 0 ? 1 : 0) == 1;
  const int plain = without_range(film.format);
  const bool full_range =
      film.color_range == AVCOL_RANGE_JPEG || plain != film.format || (grey && film.color_range == AVCOL_RANGE_UNSPECIFIED);
  const int matrix = matrix_of(film);
  if (matrix < 0) refuse(fmt::format("colour matrix {} found, BT.601, BT.709 or BT.2020 expected", av_color_space_name(film.colorspace)));

  const Key key{film.width, film.height, plain, matrix, full_range, film.chroma_location};
  if (!scaler_ || key != key_) {
    Side from{plain, matrix, full_range};
    if (format->log2_chroma_w == 1)
      from.chroma_x = film.chroma_location == AVCHROMA_LOC_CENTER || film.chroma_location == AVCHROMA_LOC_TOP ? 128 : 0;
    if (format->log2_chroma_h == 1)
      from.chroma_y = film.chroma_location == AVCHROMA_LOC_TOPLEFT || film.chroma_location == AVCHROMA_LOC_TOP ? 0 : 128;
    scaler_ = make_scaler(film.width, film.height, from, {AV_PIX_FMT_RGB24, matrix, 1});
    if (!scaler_) refuse(fmt::format("pixel format {} cannot be turned into RGB", format->name));
    line_padded_ = make_frame();
    line_padded_->format = AV_PIX_FMT_RGB24;
    line_padded_->width = film.width;
    line_padded_->height = film.height;
    if (av_frame_get_buffer(line_padded_.get(), 0) < 0) allocated<AVFrame>(nullptr);
    key_ = key;
  }
  sws_scale(scaler_.get(), film.data, film.linesize, 0, film.height, line_padded_->data, line_padded_->linesize);
  const size_t row_bytes = size_t{3} * static_cast<size_t>(film.width);
  for (int y = 0; y < film.height; ++y) {
    std::memcpy(rgb + static_cast<size_t>(y) * row_bytes, line_padded_->data[0] + static_cast<ptrdiff_t>(y) * line_padded_->linesize[0],
                row_bytes);
  }
  if (grey && !full_range) stretch_grey(rgb, row_bytes * static_cast<size_t>(film.height));
}

}  // namespace dreamrunner::libav
