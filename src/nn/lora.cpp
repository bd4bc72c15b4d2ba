#include "nn/lora.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/GradMode.h>

namespace dreamrunner {

JoinedLora::JoinedLora(const std::vector<Part>& parts, const Linear& linear, const LoraDropout& dropout) : dropout_(dropout) {
  if (parts.empty()) return;
  const at::TensorOptions options = linear.weight.options();
  std::vector<at::Tensor> downs, ups, rank_masks, token_masks, biases;
  bool masked = false, biased = false;
  int64_t tokens = 1;
  for (const Part& part : parts) {
    if (part.mask_L.defined()) tokens = part.mask_L.size(0);
  }
  for (const Part& part : parts) {
    const LoraFactors& factors = part.factors;
    downs.push_back(factors.down.to(options));
    // Scaled before it is rounded to the model's type.
    ups.push_back((factors.scale == 1.0 ? factors.up : factors.up * factors.scale).to(options));
    const at::Tensor mask = part.mask_L.defined() ? part.mask_L.to(options) : at::ones({tokens}, options);
    token_masks.push_back(mask);
    rank_masks.push_back(mask.unsqueeze(1).expand({tokens, factors.down.size(0)}));
    biases.push_back(factors.bias.defined() ? (factors.bias * factors.scale).to(options) : at::zeros({linear.weight.size(0)}, options));
    masked = masked || part.mask_L.defined();
    biased = biased || factors.bias.defined();
  }
  down_RI_ = at::cat(downs);
  up_OR_ = at::cat(ups, 1);
  if (masked) mask_LR_ = at::cat(rank_masks, 1);
  if (biased) {
    bias_KO_ = at::stack(biases);
    mask_LK_ = at::stack(token_masks, 1);
  }
}

at::Tensor JoinedLora::add_to(const at::Tensor& y, const at::Tensor& x) const {
  if (empty()) return y;
  at::Tensor hidden = at::linear(x, down_RI_);
  if (mask_LR_.defined()) hidden = hidden * mask_LR_;
  const bool wants_gradient = c10::GradMode::is_enabled() && (hidden.requires_grad() || y.requires_grad() || up_OR_.requires_grad());
  if (!wants_gradient && !bias_KO_.defined() && dropout_.probability == 0 && y.is_contiguous()) {
    y.view({-1, y.size(-1)}).addmm_(hidden.reshape({-1, hidden.size(-1)}), up_OR_.t());
    return y;
  }
  at::Tensor delta = at::linear(hidden, up_OR_);
  if (bias_KO_.defined()) delta = delta + at::matmul(mask_LK_, bias_KO_);
  if (dropout_.probability > 0) {
    at::Generator generator = at::detail::createCPUGenerator(static_cast<uint64_t>(dropout_.seed));
    const double keep = 1.0 - dropout_.probability;
    delta = delta * at::empty(delta.sizes(), at::kFloat).bernoulli_(keep, generator).div_(keep).to(delta.options());
  }
  return y + delta;
}

std::vector<at::Tensor> JoinedLora::tensors() const {
  if (empty()) return {};
  return {down_RI_, up_OR_};
}

JoinedLora JoinedLora::with_tensors(const std::vector<at::Tensor>& tensors) const {
  JoinedLora other = *this;
  if (!empty()) {
    other.down_RI_ = tensors.at(0);
    other.up_OR_ = tensors.at(1);
  }
  return other;
}

Linear merge_loras(const Linear& linear, const std::vector<LoraFactors>& loras) {
  if (loras.empty()) return linear;
  at::Tensor weight = linear.weight.to(at::kFloat);
  at::Tensor bias = linear.bias.defined() ? linear.bias.to(at::kFloat) : linear.bias;
  for (const LoraFactors& lora : loras) {
    const auto moved = [&](const at::Tensor& tensor) { return tensor.to(weight.device(), at::kFloat); };
    weight = weight + (at::matmul(moved(lora.up), moved(lora.down)) * lora.scale).view(weight.sizes());
    if (lora.bias.defined()) {
      const at::Tensor added = moved(lora.bias) * lora.scale;
      bias = bias.defined() ? bias + added : added;
    }
  }
  return {weight.to(linear.weight.scalar_type()), bias.defined() ? bias.to(linear.weight.scalar_type()) : bias};
}

}  // namespace dreamrunner
