#pragma once

#include <ATen/core/Tensor.h>

#include "tensor/weights.h"

namespace dreamrunner {

/// y = W x + b over the last dimension.
struct Linear {
  at::Tensor weight;  ///< [out, in]
  at::Tensor bias;    ///< [out], or undefined.

  /// x [..., in] -> [..., out]
  at::Tensor forward(const at::Tensor& x) const;
};

/// Takes `weight` [out, in] and, if `has_bias`, `bias` [out].
Linear take_linear(const Weights& weights, int64_t in, int64_t out, bool has_bias = true);

}  // namespace dreamrunner
