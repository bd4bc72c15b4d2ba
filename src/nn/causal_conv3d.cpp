#include "nn/causal_conv3d.h"

#include <array>

#include <ATen/ATen.h>

namespace dreamrunner {
namespace {

/// Whether oneDNN convolves numbers of half the width on this processor. Where it does not, ATen unfolds the video into
/// columns: 27 copies of it, 43 GB for one layer of a picture of 480 x 720.
bool has_half_convolution(at::ScalarType type) {
#if defined(__x86_64__)
  if (type == at::kHalf) return __builtin_cpu_supports("avx512fp16");
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
  return false;
#endif
}

}  // namespace

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
  if (!x.is_cpu() || !at::hasMKLDNN()) return at::conv3d(x, weight, bias, ones, padding);
  const bool whole = x.scalar_type() == at::kFloat || has_half_convolution(x.scalar_type());
  const auto widened = [&](const at::Tensor& tensor) { return whole || !tensor.defined() ? tensor : tensor.to(at::kFloat); };
  return at::mkldnn_convolution(widened(x), widened(weight), widened(bias), padding, ones, ones, /*groups=*/1).to(x.scalar_type());
}

CausalConv3d take_causal_conv3d(const Weights& weights, int64_t in, int64_t out, int64_t kernel, size_t& cache_slots) {
  return {.weight = weights.take("conv.weight", {out, in, kernel, kernel, kernel}),
          .bias = weights.take("conv.bias", {out}),
          .cache_index = cache_slots++};
}

}  // namespace dreamrunner
