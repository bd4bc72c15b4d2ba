#pragma once

#include <utility>

#include <ATen/core/Tensor.h>

namespace dreamrunner {

/// Sinusoidal features of a timestep: [cos(t f_0) ... cos(t f_h-1), sin(t f_0) ... sin(t f_h-1)] with h = width / 2 and
/// f_i = 10000^(-i / (h - freq_shift)); sines first if `flip_sin_to_cos` is false.
/// timestep [B] -> [B, width] fp32. Source: diffusers, get_timestep_embedding.
at::Tensor timestep_features(const at::Tensor& timestep, int64_t width, bool flip_sin_to_cos, double freq_shift);

/// The sin-cos table of a grid of tokens, frames slowest: [frames * height * width, channels] in float64. The first
/// quarter of the channels encodes the frame, the next three eighths x, the last three eighths y; positions are divided by
/// the interpolation scales and not normalised to the grid. Source: diffusers, get_3d_sincos_pos_embed.
at::Tensor sincos_positions(int64_t channels, int64_t frames, int64_t height, int64_t width, double spatial_scale, double temporal_scale);

/// Rotary angles of a grid of tokens: (cos, sin), each [frames * height * width, head_dim] fp32, every angle twice side by
/// side. A quarter of the head's channels turns with the frame, three eighths with y, three eighths with x. Positions of y
/// and x run over the part of the model's own grid (`base_height` x `base_width` tokens) that has the picture's shape.
/// Source: diffusers, get_3d_rotary_pos_embed (grid_type "linspace") and get_resize_crop_region_for_grid.
std::pair<at::Tensor, at::Tensor> rotary_positions(int64_t head_dim, int64_t frames, int64_t height, int64_t width, int64_t base_height,
                                                   int64_t base_width);

/// What `rotary_positions` gives, as complex numbers: [L, head_dim / 2] complex64.
at::Tensor rotary_turns(const std::pair<at::Tensor, at::Tensor>& cos_sin);

/// Turns adjacent pairs of channels by the angles: x [B, heads, L, head_dim], turns [L, head_dim / 2]; computed in fp32,
/// returned in x's type.
at::Tensor rotate_pairs(const at::Tensor& x, const at::Tensor& turns);

}  // namespace dreamrunner
