#pragma once

#include <ATen/core/Tensor.h>

#include "tensor/weights.h"

namespace dreamrunner {

/// Layer normalisation over the last dimension.
struct LayerNorm {
  at::Tensor weight;  ///< [channels]; undefined where the model has no affine part.
  at::Tensor bias;    ///< [channels]; as `weight`.
  int64_t channels = 0;
  double eps = 1e-5;

  at::Tensor forward(const at::Tensor& x) const;
};

LayerNorm take_layer_norm(const Weights& weights, int64_t channels, double eps, bool affine = true);

/// T5's normalisation: x / rms(x) * weight, no mean, no bias; the mean square is taken in fp32.
/// Source: transformers, T5LayerNorm.
struct RmsNorm {
  at::Tensor weight;  ///< [channels]
  double eps = 1e-6;

  at::Tensor forward(const at::Tensor& x) const;
};

RmsNorm take_rms_norm(const Weights& weights, int64_t channels, double eps);

/// Group normalisation of [B, C, ...], statistics over everything but B and the groups.
struct GroupNorm {
  at::Tensor weight;  ///< [C]
  at::Tensor bias;    ///< [C]
  int64_t groups = 32;
  double eps = 1e-6;

  at::Tensor forward(const at::Tensor& x) const;
};

GroupNorm take_group_norm(const Weights& weights, int64_t channels, int64_t groups, double eps);

}  // namespace dreamrunner
