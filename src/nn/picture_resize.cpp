#include "nn/picture_resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <fmt/format.h>

#include "base/error.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

constexpr int64_t kLongestSide = 16384;
constexpr int64_t kChannels = 3;

void check(const at::Tensor& pictures, int64_t height, int64_t width) {
  if (pictures.dim() != 4 || pictures.size(3) != kChannels || pictures.scalar_type() != at::kByte || !pictures.is_cpu() || pictures.numel() == 0) {
    throw Error(ErrorKind::usage, fmt::format("pictures: found {}, uint8 [F, H, W, 3] expected", shape_text(pictures.sizes())));
  }
  for (const int64_t side : {height, width, pictures.size(1), pictures.size(2)}) {
    if (side < 1 || side > kLongestSide) throw Error(ErrorKind::usage, fmt::format("a picture with a side of {} px, 1 to {} expected", side, kLongestSide));
  }
}

/// Runs `work(first, last)` over the rows of all pictures on all threads.
template <typename Work>
void over_rows(int64_t rows, const Work& work) {
  at::parallel_for(0, rows, 16, work);
}

// ---- Pillow ----------------------------------------------------------------------------------------------------------

constexpr int kPillowBits = 22;

double pillow_weight(PillowFilter filter, double x) {
  x = std::abs(x);
  if (filter == PillowFilter::bilinear) return x < 1 ? 1 - x : 0;
  constexpr double a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/// What the pixels of one side are made of: pixel i of the result takes `taps` pixels from `first[i]` on, with the weights
/// at i * taps; where there are fewer, the last weights are 0.
struct PillowAxis {
  int64_t taps = 0;
  std::vector<int64_t> first, count;
  std::vector<int32_t> weights;
};

PillowAxis pillow_axis(int64_t from, int64_t to, PillowFilter filter) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double widening = std::max(scale, 1.0);
  const double support = (filter == PillowFilter::bilinear ? 1.0 : 2.0) * widening;
  PillowAxis axis;
  axis.taps = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  axis.weights.assign(static_cast<size_t>(to * axis.taps), 0);
  std::vector<double> weights(static_cast<size_t>(axis.taps));
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<int64_t>(static_cast<int64_t>(centre - support + 0.5), 0);
    const int64_t count = std::min<int64_t>(static_cast<int64_t>(centre + support + 0.5), from) - first;
    double sum = 0;
    for (int64_t k = 0; k < count; ++k) {
      weights[static_cast<size_t>(k)] = pillow_weight(filter, (static_cast<double>(k + first) - centre + 0.5) * (1.0 / widening));
      sum += weights[static_cast<size_t>(k)];
    }
    for (int64_t k = 0; k < count; ++k) {
      const double fixed = (sum != 0 ? weights[static_cast<size_t>(k)] / sum : weights[static_cast<size_t>(k)]) * (1 << kPillowBits);
      axis.weights[static_cast<size_t>(i * axis.taps + k)] = static_cast<int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
    axis.first.push_back(first);
    axis.count.push_back(count);
  }
  return axis;
}

uint8_t pillow_pixel(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kPillowBits, 0, 255)); }

at::Tensor pillow_columns(const at::Tensor& pictures, int64_t width, PillowFilter filter) {
  const int64_t from = pictures.size(2), rows = pictures.size(0) * pictures.size(1);
  const PillowAxis axis = pillow_axis(from, width, filter);
  const at::Tensor result = at::empty({pictures.size(0), pictures.size(1), width, kChannels}, at::kByte);
  const auto* const source = pictures.const_data_ptr<uint8_t>();
  auto* const target = result.data_ptr<uint8_t>();
  over_rows(rows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t x = 0; x < width; ++x) {
        const int32_t* const weights = axis.weights.data() + x * axis.taps;
        const uint8_t* pixel = source + (row * from + axis.first[static_cast<size_t>(x)]) * kChannels;
        int32_t sums[kChannels] = {1 << (kPillowBits - 1), 1 << (kPillowBits - 1), 1 << (kPillowBits - 1)};
        for (int64_t k = 0; k < axis.count[static_cast<size_t>(x)]; ++k, pixel += kChannels) {
          for (int64_t c = 0; c < kChannels; ++c) sums[c] += pixel[c] * weights[k];
        }
        for (int64_t c = 0; c < kChannels; ++c) target[(row * width + x) * kChannels + c] = pillow_pixel(sums[c]);
      }
    }
  });
  return result;
}

at::Tensor pillow_rows(const at::Tensor& pictures, int64_t height, PillowFilter filter) {
  const int64_t from = pictures.size(1), line = pictures.size(2) * kChannels;
  const PillowAxis axis = pillow_axis(from, height, filter);
  const at::Tensor result = at::empty({pictures.size(0), height, pictures.size(2), kChannels}, at::kByte);
  const auto* const source = pictures.const_data_ptr<uint8_t>();
  auto* const target = result.data_ptr<uint8_t>();
  over_rows(pictures.size(0) * height, [&](int64_t begin, int64_t end) {
    std::vector<int32_t> sums(static_cast<size_t>(line));
    for (int64_t row = begin; row < end; ++row) {
      const int64_t frame = row / height, y = row % height;
      std::fill(sums.begin(), sums.end(), 1 << (kPillowBits - 1));
      for (int64_t k = 0; k < axis.count[static_cast<size_t>(y)]; ++k) {
        const int32_t weight = axis.weights[static_cast<size_t>(y * axis.taps + k)];
        const uint8_t* const pixels = source + (frame * from + axis.first[static_cast<size_t>(y)] + k) * line;
        for (int64_t i = 0; i < line; ++i) sums[static_cast<size_t>(i)] += pixels[i] * weight;
      }
      for (int64_t i = 0; i < line; ++i) target[row * line + i] = pillow_pixel(sums[static_cast<size_t>(i)]);
    }
  });
  return result;
}

// ---- OpenCV ----------------------------------------------------------------------------------------------------------

/// The two neighbours of each pixel of the result along one side, and their weights in 1/2048.
struct OpenCvAxis {
  std::vector<int64_t> first, second;
  std::vector<int32_t> first_weight, second_weight;
};

/// `clamp_weights` as OpenCV does along columns, not along rows: beyond the border it takes the border pixel whole, where
/// rows are mixed with themselves and rounded twice.
OpenCvAxis opencv_axis(int64_t from, int64_t to, bool clamp_weights) {
  const double scale = 1.0 / (static_cast<double>(to) / static_cast<double>(from));
  OpenCvAxis axis;
  for (int64_t i = 0; i < to; ++i) {
    auto place = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
    auto first = static_cast<int64_t>(std::floor(place));
    float fraction = place - static_cast<float>(first);
    if (clamp_weights && (first < 0 || first >= from - 1)) fraction = 0;
    axis.first.push_back(std::clamp<int64_t>(first, 0, from - 1));
    axis.second.push_back(clamp_weights && fraction == 0 ? axis.first.back() : std::clamp<int64_t>(first + 1, 0, from - 1));
    axis.first_weight.push_back(static_cast<int32_t>(std::nearbyint((1.0f - fraction) * 2048.0f)));
    axis.second_weight.push_back(static_cast<int32_t>(std::nearbyint(fraction * 2048.0f)));
  }
  return axis;
}

at::Tensor opencv_half(const at::Tensor& pictures, int64_t height, int64_t width) {
  const at::Tensor wide = pictures.to(at::kShort);
  const auto part = [&](int64_t y, int64_t x) { return wide.slice(1, y, 2 * height, 2).slice(2, x, 2 * width, 2); };
  return ((part(0, 0) + part(0, 1) + part(1, 0) + part(1, 1) + 2).bitwise_right_shift(2)).to(at::kByte);
}

}  // namespace

at::Tensor resize_as_pillow(const at::Tensor& pictures, int64_t height, int64_t width, PillowFilter filter) {
  check(pictures, height, width);
  at::Tensor result = pictures.contiguous();
  if (width != result.size(2)) result = pillow_columns(result, width, filter);
  if (height != result.size(1)) result = pillow_rows(result, height, filter);
  return result;
}

at::Tensor resize_as_opencv(const at::Tensor& pictures, int64_t height, int64_t width) {
  check(pictures, height, width);
  const at::Tensor dense = pictures.contiguous();
  const int64_t from_height = dense.size(1), from_width = dense.size(2);
  if (height == from_height && width == from_width) return dense;
  if (2 * height == from_height && 2 * width == from_width) return opencv_half(dense, height, width);

  const OpenCvAxis columns = opencv_axis(from_width, width, true), rows = opencv_axis(from_height, height, false);
  const at::Tensor result = at::empty({dense.size(0), height, width, kChannels}, at::kByte);
  const auto* const source = dense.const_data_ptr<uint8_t>();
  auto* const target = result.data_ptr<uint8_t>();
  over_rows(dense.size(0) * height, [&](int64_t begin, int64_t end) {
    const int64_t line = width * kChannels;
    // Two stretched source lines; the lower one is often the next row's upper one.
    std::vector<int32_t> upper(static_cast<size_t>(line)), lower(static_cast<size_t>(line));
    int64_t upper_line = -1, lower_line = -1;
    const auto stretch = [&](int64_t source_line, std::vector<int32_t>& sums) {
      const uint8_t* const pixels = source + source_line * from_width * kChannels;
      for (int64_t x = 0; x < width; ++x) {
        const auto at = static_cast<size_t>(x);
        const uint8_t* const a = pixels + columns.first[at] * kChannels;
        const uint8_t* const b = pixels + columns.second[at] * kChannels;
        for (int64_t c = 0; c < kChannels; ++c) {
          sums[at * kChannels + static_cast<size_t>(c)] = a[c] * columns.first_weight[at] + b[c] * columns.second_weight[at];
        }
      }
    };
    for (int64_t row = begin; row < end; ++row) {
      const auto y = static_cast<size_t>(row % height);
      const int64_t above = row / height * from_height;
      if (above + rows.first[y] == lower_line) {
        std::swap(upper, lower);
        std::swap(upper_line, lower_line);
      }
      if (upper_line != above + rows.first[y]) stretch(upper_line = above + rows.first[y], upper);
      if (lower_line != above + rows.second[y]) stretch(lower_line = above + rows.second[y], lower);
      const int32_t a = rows.first_weight[y], b = rows.second_weight[y];
      for (int64_t i = 0; i < line; ++i) {
        const auto at = static_cast<size_t>(i);
        const int32_t sum = ((a * (upper[at] >> 4)) >> 16) + ((b * (lower[at] >> 4)) >> 16);
        target[row * line + i] = static_cast<uint8_t>(std::clamp((sum + 2) >> 2, 0, 255));
      }
    }
  });
  return result;
}

}  // namespace dreamrunner
