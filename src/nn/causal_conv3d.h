#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "tensor/weights.h"

namespace dreamrunner {

/// The last frames that each causal convolution of a model has seen, so that a video can pass in chunks. One object serves
/// one video; it starts empty.
class ConvCache {
 public:
  at::Tensor& slot(size_t index) {
    if (index >= frames_.size()) frames_.resize(index + 1);
    return frames_[index];
  }

 private:
  std::vector<at::Tensor> frames_;
};

/// A 3-D convolution that sees no later frame: zeros around each picture, and in time the frames before the chunk (from
/// the cache, or the first frame repeated). Source: diffusers, CogVideoXCausalConv3d with pad_mode "first".
struct CausalConv3d {
  at::Tensor weight;  ///< [out, in, kernel_t, kernel_h, kernel_w]
  at::Tensor bias;    ///< [out]
  size_t cache_index = 0;

  /// x [B, in, T, H, W] -> [B, out, T, H, W]
  at::Tensor forward(const at::Tensor& x, ConvCache& cache) const;
};

/// A 3-D convolution with stride 1 and zeros around height and width: x [B, in, T, H, W], weight [out, in, kt, kh, kw].
at::Tensor conv3d_same_size(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// Takes `conv.weight` and `conv.bias`, and gives the convolution the next place in the cache.
CausalConv3d take_causal_conv3d(const Weights& weights, int64_t in, int64_t out, int64_t kernel, size_t& cache_slots);

}  // namespace dreamrunner
