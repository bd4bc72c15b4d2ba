#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "nn/linear.h"

namespace dreamrunner {

/// A low-rank change of one linear: y += scale * (up (down x) + bias). Source: LoRA (arXiv 2106.09685).
struct LoraFactors {
  at::Tensor down;  ///< [rank, in], "A".
  at::Tensor up;    ///< [out, rank], "B".
  at::Tensor bias;  ///< [out] or undefined: PEFT's `lora_B.bias`.
  double scale = 1.0;
};

/// The factors of a LoRA by the name of the linear they change, as the reference's module tree spells it.
using LoraModules = std::map<std::string, LoraFactors>;

/// Dropout of a LoRA's output, as the authors train. Which numbers are dropped depends on the seed alone, so that a forward
/// pass can be repeated.
struct LoraDropout {
  double probability = 0;
  int64_t seed = 0;
};

/// Several LoRAs of one linear joined, so that all of them cost one product down and one up: the sum over k of
/// scale_k (up_k down_k (m_k x) + m_k bias_k), with m_k 0 or 1 for each token (DreamRunner, equation 6). Differentiable.
class JoinedLora {
 public:
  /// One LoRA and the tokens it acts on.
  struct Part {
    LoraFactors factors;
    at::Tensor mask_L;  ///< [L], 0 or 1; undefined: all tokens.
  };

  JoinedLora() = default;
  /// Takes the factors to the device and type of `linear`. Parts must fit it. Masks that are there already are shared:
  /// a mask for every rank of every linear would be larger than the LoRAs.
  JoinedLora(const std::vector<Part>& parts, const Linear& linear, const LoraDropout& dropout = {});

  bool empty() const { return !down_RI_.defined(); }
  /// x [..., L, in] and y = W x + b [..., L, out] -> y with the LoRAs' share. May write to `y` where no gradient is wanted.
  at::Tensor add_to(const at::Tensor& y, const at::Tensor& x) const;

  /// What gradients flow to: down and up, or nothing when empty.
  std::vector<at::Tensor> tensors() const;
  /// The same LoRAs over other tensors of the same shapes, in the order of `tensors`.
  JoinedLora with_tensors(const std::vector<at::Tensor>& tensors) const;

 private:
  at::Tensor down_RI_;  ///< R: all ranks.
  at::Tensor up_OR_;    ///< Scales are in it.
  /// The ranks of `down_RI_` that belong to one part, and where it acts.
  struct Span {
    int64_t rank = 0;
    at::Tensor mask_L1;  ///< Undefined: all tokens.
    at::Tensor bias_O;   ///< Undefined: none.
  };
  at::Tensor masked(at::Tensor hidden, bool in_place) const;
  at::Tensor dropped(const at::Tensor& delta) const;

  std::vector<Span> spans_;
  bool has_masks_ = false, has_biases_ = false;
  LoraDropout dropout_;
};

/// The linear with LoRAs that act on all tokens added to its weights: W + sum of scale up down.
Linear merge_loras(const Linear& linear, const std::vector<LoraFactors>& loras);

}  // namespace dreamrunner
