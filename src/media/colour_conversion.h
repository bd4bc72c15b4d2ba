#pragma once

#include <cstdint>

#include "media/libav.h"

namespace dreamrunner::libav {

/// Turns RGB pictures into what our films hold: yuv420p, BT.709, limited range (16..235), chroma sited left.
/// Averages chroma over full-resolution input and rounds exactly, by code that gives the same bytes on every processor.
class RgbToFilm {
 public:
  /// Both sides even.
  RgbToFilm(int width, int height);
  /// `rgb` and `film` are frames with buffers of the size given above.
  void convert(const AVFrame& rgb, AVFrame& film);

 private:
  ScalerPtr scaler_;
};

/// Turns decoded frames into packed RGB by the tags that they carry: range, matrix, chroma site.
/// Without a matrix tag: BT.601 below 720 lines and 1280 columns, else BT.709. Without a range tag: limited, except for
/// the `yuvj` formats and grey, which FFmpeg writes in full range.
class FilmToRgb {
 public:
  /// Writes `height` x `width` x 3 bytes. Throws Error(input_file) naming `origin` for a pixel format or matrix that it
  /// does not read.
  void convert(const AVFrame& film, uint8_t* rgb, const std::filesystem::path& origin);

 private:
  struct Key {
    int width, height, format, matrix, full_range, chroma;
    bool operator==(const Key&) const = default;
  };
  ScalerPtr scaler_;
  FramePtr line_padded_;  ///< The scaler writes whole vectors, beyond the end of a row.
  Key key_{};
};

}  // namespace dreamrunner::libav
