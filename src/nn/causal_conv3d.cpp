#include "nn/causal_conv3d.h"

#include <array>

#include <ATen/ATen.h>

namespace dreamrunner {

at::Tensor CausalConv3d::forward(const at::Tensor& x, ConvCache& cache) const {
  const int64_t kernel_t = weight.size(2);
  at::Tensor input = x;
  if (kernel_t > 1) {
    at::Tensor& before = cache.slot(cache_index);
    const int64_t past = kernel_t - 1;
    input = at::cat({before.defined() ? before : x.slice(2, 0, 1).expand({-1, -1, past, -1, -1}), x}, 2);
    // A copy: a view would keep the whole chunk alive.
    before = input.slice(2, input.size(2) - past).clone();
  }
  return conv3d_same_size(input, weight, bias);
}

at::Tensor conv3d_same_size(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const std::array<int64_t, 3> padding = {0, weight.size(3) / 2, weight.size(4) / 2};
  const std::array<int64_t, 3> ones = {1, 1, 1};
  // ATen's choice looks at the first four sizes only, finds videos with few channels small, and takes a kernel that is
  // several times slower than oneDNN's.
  if (x.is_cpu() && x.scalar_type() == at::kFloat && at::hasMKLDNN()) {
    return at::mkldnn_convolution(x, weight, bias, padding, ones, ones, /*groups=*/1);
  }
  return at::conv3d(x, weight, bias, ones, padding);
}

CausalConv3d take_causal_conv3d(const Weights& weights, int64_t in, int64_t out, int64_t kernel, size_t& cache_slots) {
  return {.weight = weights.take("conv.weight", {out, in, kernel, kernel, kernel}),
          .bias = weights.take("conv.bias", {out}),
          .cache_index = cache_slots++};
}

}  // namespace dreamrunner
