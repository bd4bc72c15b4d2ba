#include "media/libav_video.h"

#include <cstring>

#include <fmt/format.h>

#include "media/colour_conversion.h"
#include "media/libav.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace dreamrunner::libav {
namespace {

constexpr int64_t kPadding = 256;

AVCodecID codec_of(PictureFormat format) {
  switch (format) {
    case PictureFormat::jpeg: return AV_CODEC_ID_MJPEG;
    case PictureFormat::webp: return AV_CODEC_ID_WEBP;
    case PictureFormat::bmp: return AV_CODEC_ID_BMP;
    case PictureFormat::gif: return AV_CODEC_ID_GIF;
    case PictureFormat::png: return AV_CODEC_ID_PNG;
  }
  return AV_CODEC_ID_NONE;
}

class PictureDecoder {
 public:
  PictureDecoder(const PictureHeader& header, const std::filesystem::path& origin) : header_(header), origin_(origin) {}

  StoredPicture decode(std::string_view bytes) {
    decode_frame(bytes);
    const AVFrame& frame = *frame_;
    if (frame.width != header_.width || frame.height != header_.height) {
      refuse(fmt::format("damaged: {} x {} pixels decoded, {} x {} expected", frame.width, frame.height, header_.width, header_.height));
    }
    StoredPicture stored{{frame.width, frame.height, {}}, {}};
    stored.picture.rgb.resize(size_t{3} * static_cast<size_t>(frame.width) * static_cast<size_t>(frame.height));
    require_mixed_inks();
    name_colours();
    FilmToRgb().convert(frame, stored.picture.rgb.data(), origin_);
    if (header_.has_alpha) take_alpha(stored.alpha);
    return stored;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorKind::input_file, fmt::format("{}: {}: {}", origin_.string(), picture_format_name(header_.format), why));
  }

  void decode_frame(std::string_view bytes) {
    const AVCodec* codec = avcodec_find_decoder(codec_of(header_.format));
    if (codec == nullptr) refuse("this machine's FFmpeg has no decoder for it");
    const CodecPtr context(allocated(avcodec_alloc_context3(codec)));
    // The sizes are known to be bearable; decoders add their padding to them before they compare.
    context->max_pixels = (header_.width + kPadding) * (header_.height + kPadding);
    context->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    context->thread_count = 1;
    const int opened = avcodec_open2(context.get(), codec, nullptr);
    if (opened < 0) refuse(fmt::format("the decoder cannot be opened ({})", words(opened)));
    const PacketPtr packet = make_packet();
    if (av_new_packet(packet.get(), static_cast<int>(bytes.size())) < 0)
      allocated<AVPacket>(nullptr);  // With the padding that decoders read.
    std::memcpy(packet->data, bytes.data(), bytes.size());
    packet->flags |= AV_PKT_FLAG_KEY;
    int code = avcodec_send_packet(context.get(), packet.get());
    if (code >= 0) code = avcodec_send_packet(context.get(), nullptr);
    if (code >= 0) code = avcodec_receive_frame(context.get(), frame_.get());
    if (code < 0) refuse(fmt::format("damaged, or of a kind that is not read ({})", words(code)));
    if (frame_->decode_error_flags != 0 || (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0) refuse("damaged");
  }

  /// Decoders leave out what their format takes for granted: JPEG's colours are BT.601 in full range, WebP's BT.601 in limited
  /// range, chroma in the middle of its pixels.
  void name_colours() {
    const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame_->format));
    const bool yuv = format != nullptr && (format->flags & AV_PIX_FMT_FLAG_RGB) == 0 && format->nb_components >= 3;
    if (!yuv) return;
    frame_->colorspace = AVCOL_SPC_SMPTE170M;
    frame_->chroma_location = AVCHROMA_LOC_CENTER;
    frame_->color_range = header_.format == PictureFormat::jpeg ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  }

  void take_alpha(std::vector<uint8_t>& alpha) const {
    const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame_->format));
    if ((format->flags & AV_PIX_FMT_FLAG_ALPHA) == 0 || (format->flags & AV_PIX_FMT_FLAG_PAL) != 0) return;
    const AVComponentDescriptor& component = format->comp[format->nb_components - 1];
    if (component.depth != 8) return;
    alpha.resize(static_cast<size_t>(frame_->width) * static_cast<size_t>(frame_->height));
    size_t to = 0;
    for (int y = 0; y < frame_->height; ++y) {
      const uint8_t* row = frame_->data[component.plane] + static_cast<ptrdiff_t>(y) * frame_->linesize[component.plane] + component.offset;
      for (int x = 0; x < frame_->width; ++x) alpha[to++] = row[static_cast<ptrdiff_t>(x) * component.step];
    }
  }

  /// The decoder mixes four inks as Adobe stores them, inverted; in formats other than these two it hands them out unmixed.
  void require_mixed_inks() const {
    if (header_.components != 4) return;
    constexpr const char* kHint = "save it as RGB, as PNG or JPEG";
    if (!header_.adobe)
      throw Error(ErrorKind::input_file,
                  fmt::format("{}: JPEG of four inks without Adobe's marker, so that their meaning is not said", origin_.string()), kHint);
    if (frame_->format != AV_PIX_FMT_GBRAP && frame_->format != AV_PIX_FMT_YUVA444P) {
      throw Error(ErrorKind::input_file, fmt::format("{}: JPEG of four inks in a layout that is not read", origin_.string()), kHint);
    }
  }

  const PictureHeader& header_;
  const std::filesystem::path& origin_;
  FramePtr frame_ = make_frame();
};

}  // namespace

StoredPicture decode_picture(std::string_view bytes, const PictureHeader& header, const std::filesystem::path& origin) {
  silence();
  return PictureDecoder(header, origin).decode(bytes);
}

}  // namespace dreamrunner::libav
