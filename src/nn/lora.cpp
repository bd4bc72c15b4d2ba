#include "nn/lora.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <c10/core/GradMode.h>

namespace dreamrunner {

JoinedLora::JoinedLora(const std::vector<Part>& parts, const Linear& linear, const LoraDropout& dropout) : dropout_(dropout) {
  if (parts.empty()) return;
  const at::TensorOptions options = linear.weight.options();
  std::vector<at::Tensor> downs, ups;
  for (const Part& part : parts) {
    const LoraFactors& factors = part.factors;
    downs.push_back(factors.down.to(options));
    // Scaled before it is rounded to the model's type.
    ups.push_back((factors.scale == 1.0 ? factors.up : factors.up * factors.scale).to(options));
    Span span{.rank = factors.down.size(0), .mask_L1 = {}, .bias_O = {}};
    if (part.mask_L.defined()) span.mask_L1 = part.mask_L.to(options).unsqueeze(1);
    if (factors.bias.defined()) span.bias_O = (factors.bias * factors.scale).to(options);
    has_masks_ = has_masks_ || span.mask_L1.defined();
    has_biases_ = has_biases_ || span.bias_O.defined();
    spans_.push_back(std::move(span));
  }
  down_RI_ = at::cat(downs);
  up_OR_ = at::cat(ups, 1);
}

/// hidden [..., L, R] -> the same with each part's ranks at nought where the part does not act.
at::Tensor JoinedLora::masked(at::Tensor hidden, bool in_place) const {
  if (!has_masks_) return hidden;
  std::vector<at::Tensor> parts;
  int64_t first = 0;
  for (const Span& span : spans_) {
    at::Tensor part = hidden.narrow(-1, first, span.rank);
    first += span.rank;
    if (span.mask_L1.defined()) part = in_place ? part.mul_(span.mask_L1) : part * span.mask_L1;
    parts.push_back(std::move(part));
  }
  return in_place ? hidden : at::cat(parts, -1);
}

/// Drawn where the numbers are: for a large model they are billions.
at::Tensor JoinedLora::dropped(const at::Tensor& delta) const {
  at::Generator generator = delta.is_cpu() ? at::detail::createCPUGenerator()
                                           : at::globalContext().getAcceleratorHooksInterface(delta.device().type()).getNewGenerator(delta.get_device());
  generator.set_current_seed(static_cast<uint64_t>(dropout_.seed));
  const double keep = 1.0 - dropout_.probability;
  return delta * at::empty(delta.sizes(), delta.options().dtype(at::kFloat)).bernoulli_(keep, generator).div_(keep).to(delta.scalar_type());
}

at::Tensor JoinedLora::add_to(const at::Tensor& y, const at::Tensor& x) const {
  if (empty()) return y;
  at::Tensor hidden = at::linear(x, down_RI_);
  const bool wants_gradient = c10::GradMode::is_enabled() && (hidden.requires_grad() || y.requires_grad() || up_OR_.requires_grad());
  hidden = masked(std::move(hidden), /*in_place=*/!wants_gradient);
  if (!wants_gradient && !has_biases_ && dropout_.probability == 0 && y.is_contiguous()) {
    y.view({-1, y.size(-1)}).addmm_(hidden.reshape({-1, hidden.size(-1)}), up_OR_.t());
    return y;
  }
  at::Tensor delta = at::linear(hidden, up_OR_);
  for (const Span& span : spans_) {
    if (span.bias_O.defined()) delta = delta + (span.mask_L1.defined() ? span.mask_L1 * span.bias_O : span.bias_O);
  }
  return y + (dropout_.probability > 0 ? dropped(delta) : delta);
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
