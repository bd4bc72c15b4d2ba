#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace dreamrunner {

/// What is around YOLOv5's network: frames are made to fit it, and its rows become boxes of the frames.

/// How a frame lies in the network's picture: resized, then padded with grey.
struct Letterbox {
  int64_t frame_height = 0, frame_width = 0;    ///< px of the frame
  int64_t scaled_height = 0, scaled_width = 0;  ///< px after resizing
  int64_t top = 0, left = 0;                    ///< px of padding
  int64_t height = 0, width = 0;                ///< px of the network's picture

  /// A place of the network's picture in the frame. The padding that was applied is taken off (the reference takes off half
  /// of the whole, before rounding) and each side is scaled by its own ratio (the reference: both by the one before
  /// rounding), so that the way there and back ends where it began.
  double frame_x(double x) const { return (x - static_cast<double>(left)) * static_cast<double>(frame_width) / static_cast<double>(scaled_width); }
  double frame_y(double y) const { return (y - static_cast<double>(top)) * static_cast<double>(frame_height) / static_cast<double>(scaled_height); }
};

/// Fits a frame into `size` x `size`; padded to a square, or (`square` false) only to multiples of 32.
/// Source: ultralytics/yolov5, utils/augmentations.py, letterbox.
Letterbox fit_letterbox(int64_t height, int64_t width, int64_t size, bool square);

/// frames uint8 [F, H, W, 3] -> uint8 [F, letterbox.height, letterbox.width, 3].
at::Tensor put_into_letterbox(const at::Tensor& frames, const Letterbox& letterbox);

/// A box of an object in a frame.
struct FrameBox {
  int64_t frame = 0;
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;  ///< px of the frame, within it
  float score = 0;                       ///< objectness times probability of the class
  int64_t label = 0;                     ///< the class
};

/// The defaults are those of the reference's detect.py.
struct DetectionOptions {
  double confidence = 0.25;         ///< Least score, and least objectness.
  double overlap = 0.45;            ///< Intersection over union beyond which the lower score gives way.
  int64_t most = 1000;              ///< Boxes a frame.
  std::vector<int64_t> labels = {}; ///< Classes wanted; empty: all.
  bool square = false;              ///< Pad to a square.
};

/// Suppression of doubles in one picture: rows [N, 5 + classes] as the network gives them -> boxes in px of that picture,
/// by falling score; a box competes with those of its class only. `frame` is copied into the boxes.
/// Source: ultralytics/yolov5, utils/general.py, non_max_suppression (one label a box).
std::vector<FrameBox> suppress_doubles(const at::Tensor& rows, const DetectionOptions& options, int64_t frame);

}  // namespace dreamrunner
