#pragma once

#include <ATen/core/Tensor.h>

namespace dreamrunner {

/// Resizing of 8-bit pictures, equal to the last bit to the libraries that models were trained behind. Scores are compared
/// with published ones, and half a grey level in every pixel is not nothing. Pictures are uint8 [F, H, W, 3] on the CPU;
/// sides of the result are 1 to 16384. Throws Error(usage) for anything else.

enum class PillowFilter { bilinear, bicubic };

/// Pillow's `Image.resize`: the filter is widened when shrinking (antialiased); columns first and then rows, with 8 bits
/// between the two; fixed-point weights of 22 bits. Source: Pillow, src/libImaging/Resample.c.
at::Tensor resize_as_pillow(const at::Tensor& pictures, int64_t height, int64_t width, PillowFilter filter);

/// OpenCV's `resize` with INTER_LINEAR: two neighbours a side whatever the scale (not antialiased), weights of 11 bits; to
/// exactly half on both sides it is the mean of four pixels. Source: OpenCV, modules/imgproc/src/resize.cpp.
at::Tensor resize_as_opencv(const at::Tensor& pictures, int64_t height, int64_t width);

}  // namespace dreamrunner
