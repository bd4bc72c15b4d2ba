#include "nn/positions.h"

#include <cmath>

#include <ATen/ATen.h>

namespace dreamrunner {
namespace {

/// Where the model's own grid is cut so that it has the shape of `height` x `width`: [top, left, bottom, right).
struct GridCrop {
  double top, left, bottom, right;
};

GridCrop crop_for_grid(int64_t height, int64_t width, int64_t base_height, int64_t base_width) {
  // std::nearbyint rounds halves to even, as Python's round does.
  const double ratio = static_cast<double>(height) / static_cast<double>(width);
  double rows = static_cast<double>(base_height);
  double columns = static_cast<double>(base_width);
  if (ratio > rows / columns) {
    columns = std::nearbyint(rows / static_cast<double>(height) * static_cast<double>(width));
  } else {
    rows = std::nearbyint(columns / static_cast<double>(width) * static_cast<double>(height));
  }
  const double top = std::nearbyint((static_cast<double>(base_height) - rows) / 2.0);
  const double left = std::nearbyint((static_cast<double>(base_width) - columns) / 2.0);
  return {top, left, top + rows, left + columns};
}

/// [sin(p w_0) ... sin(p w_h-1), cos(p w_0) ... cos(p w_h-1)] for each position, in float64.
at::Tensor sincos_block(const at::Tensor& positions, int64_t width) {
  const int64_t half = width / 2;
  const at::Tensor index = at::arange(half, at::kDouble) / static_cast<double>(half);
  const at::Tensor omega = at::pow(at::scalar_tensor(10000.0, at::kDouble), index).reciprocal();
  const at::Tensor angles = at::outer(positions.to(at::kDouble), omega);
  return at::cat({angles.sin(), angles.cos()}, 1);
}

/// cos and sin of the positions' angles, each angle twice side by side: [positions, width] fp32.
std::pair<at::Tensor, at::Tensor> rotary_axis(const at::Tensor& positions, int64_t width) {
  const at::Tensor exponent = at::arange(0, width, 2, at::kFloat) / static_cast<double>(width);
  const at::Tensor frequencies = at::pow(at::scalar_tensor(10000.0, at::kFloat), exponent).reciprocal();
  const at::Tensor angles = at::outer(positions, frequencies);
  return {angles.cos().repeat_interleave(2, 1), angles.sin().repeat_interleave(2, 1)};
}

at::Tensor linspace_over(double begin, double end, int64_t count) {
  const double n = static_cast<double>(count);
  return at::linspace(begin, end * (n - 1) / n, count, at::kFloat);
}

/// [frames, height, width, *] from one table an axis, flattened frames slowest.
at::Tensor grid_of(const at::Tensor& by_frame, const at::Tensor& by_row, const at::Tensor& by_column) {
  const int64_t frames = by_frame.size(0), height = by_row.size(0), width = by_column.size(0);
  return at::cat({by_frame.view({frames, 1, 1, -1}).expand({frames, height, width, -1}),
                  by_row.view({1, height, 1, -1}).expand({frames, height, width, -1}),
                  by_column.view({1, 1, width, -1}).expand({frames, height, width, -1})},
                 -1)
      .flatten(0, 2);
}

}  // namespace

at::Tensor timestep_features(const at::Tensor& timestep, int64_t width, bool flip_sin_to_cos, double freq_shift) {
  const int64_t half = width / 2;
  const at::Tensor exponent = at::arange(half, at::TensorOptions().dtype(at::kFloat).device(timestep.device())) * -std::log(10000.0) /
                              (static_cast<double>(half) - freq_shift);
  const at::Tensor angles = timestep.to(at::kFloat).unsqueeze(1) * exponent.exp().unsqueeze(0);
  at::Tensor features = flip_sin_to_cos ? at::cat({angles.cos(), angles.sin()}, 1) : at::cat({angles.sin(), angles.cos()}, 1);
  return width % 2 == 1 ? at::constant_pad_nd(features, {0, 1}) : features;
}

at::Tensor sincos_positions(int64_t channels, int64_t frames, int64_t height, int64_t width, double spatial_scale, double temporal_scale) {
  const int64_t temporal = channels / 4;
  const int64_t spatial = channels - temporal;
  // Positions are divided in fp32, as the reference does, before the angles are taken in float64.
  const at::Tensor t = at::arange(frames, at::kFloat) / temporal_scale;
  const at::Tensor y = at::arange(height, at::kFloat) / spatial_scale;
  const at::Tensor x = at::arange(width, at::kFloat) / spatial_scale;
  const at::Tensor by_frame = sincos_block(t, temporal);
  const at::Tensor by_row = sincos_block(y, spatial / 2);
  const at::Tensor by_column = sincos_block(x, spatial / 2);
  const at::Tensor table = grid_of(by_frame, by_column.new_zeros({height, 0}), by_column);
  const at::Tensor rows = by_row.view({1, height, 1, -1}).expand({frames, height, width, -1}).flatten(0, 2);
  return at::cat({table, rows}, 1);
}

std::pair<at::Tensor, at::Tensor> rotary_positions(int64_t head_dim, int64_t frames, int64_t height, int64_t width, int64_t base_height,
                                                   int64_t base_width) {
  const GridCrop crop = crop_for_grid(height, width, base_height, base_width);
  const auto by_frame = rotary_axis(linspace_over(0, static_cast<double>(frames), frames), head_dim / 4);
  const auto by_row = rotary_axis(linspace_over(crop.top, crop.bottom, height), head_dim / 8 * 3);
  const auto by_column = rotary_axis(linspace_over(crop.left, crop.right, width), head_dim / 8 * 3);
  return {grid_of(by_frame.first, by_row.first, by_column.first), grid_of(by_frame.second, by_row.second, by_column.second)};
}

at::Tensor rotary_turns(const std::pair<at::Tensor, at::Tensor>& cos_sin) {
  const auto one_of_two = [](const at::Tensor& twice) { return twice.unflatten(-1, {-1, 2}).select(-1, 0); };
  return at::complex(one_of_two(cos_sin.first), one_of_two(cos_sin.second));
}

at::Tensor rotate_pairs(const at::Tensor& x, const at::Tensor& turns) {
  // A pair is a complex number and a turn a product: one pass over the channels.
  const at::Tensor pairs = at::view_as_complex(x.to(at::kFloat).unflatten(-1, {-1, 2}));
  return at::view_as_real(pairs * turns).flatten(-2).to(x.scalar_type());
}

}  // namespace dreamrunner
