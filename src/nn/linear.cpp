#include "nn/linear.h"

#include <ATen/ATen.h>

namespace dreamrunner {

at::Tensor Linear::forward(const at::Tensor& x) const { return at::linear(x, weight, bias); }

Linear take_linear(const Weights& weights, int64_t in, int64_t out, bool has_bias) {
  Linear linear;
  linear.weight = weights.take("weight", {out, in});
  if (has_bias) linear.bias = weights.take("bias", {out});
  return linear;
}

}  // namespace dreamrunner
