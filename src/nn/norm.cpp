#include "nn/norm.h"

#include <ATen/ATen.h>

namespace dreamrunner {

at::Tensor LayerNorm::forward(const at::Tensor& x) const { return at::layer_norm(x, {channels}, weight, bias, eps); }

LayerNorm take_layer_norm(const Weights& weights, int64_t channels, double eps, bool affine) {
  LayerNorm norm;
  norm.channels = channels;
  norm.eps = eps;
  if (affine) {
    norm.weight = weights.take("weight", {channels});
    norm.bias = weights.take("bias", {channels});
  }
  return norm;
}

at::Tensor RmsNorm::forward(const at::Tensor& x) const {
  const at::Tensor wide = x.to(at::kFloat);
  at::Tensor normed = wide * at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + eps);
  return weight * normed.to(weight.scalar_type());
}

RmsNorm take_rms_norm(const Weights& weights, int64_t channels, double eps) {
  return {.weight = weights.take("weight", {channels}), .eps = eps};
}

at::Tensor GroupNorm::forward(const at::Tensor& x) const { return at::group_norm(x, groups, weight, bias, eps); }

GroupNorm take_group_norm(const Weights& weights, int64_t channels, int64_t groups, double eps) {
  return {.weight = weights.take("weight", {channels}), .bias = weights.take("bias", {channels}), .groups = groups, .eps = eps};
}

}  // namespace dreamrunner
