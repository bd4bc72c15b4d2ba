#include "learn/trainable_lora.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <fmt/format.h>

#include "base/error.h"
#include "tensor/finite.h"

namespace dreamrunner {

TrainableLora::TrainableLora(const std::vector<AdaptableLinear>& linears, int64_t rank, NoiseSource& noise, at::Device device) {
  for (const AdaptableLinear& linear : linears) {
    LoraFactors factors;
    factors.down = noise.draw({rank, linear.in}).div_(static_cast<double>(rank)).to(device).requires_grad_(true);
    factors.up = at::zeros({linear.out, rank}, at::TensorOptions().device(device).dtype(at::kFloat)).requires_grad_(true);
    for (const auto& [part, value] : {std::pair{"down", factors.down}, std::pair{"up", factors.up}}) {
      slots_.push_back({.name = fmt::format("{}.{}", linear.name, part),
                        .value = value,
                        .average = at::zeros(value.sizes(), value.options().requires_grad(false)),
                        .square = at::zeros(value.sizes(), value.options().requires_grad(false)),
                        .step_count = at::zeros({}, at::TensorOptions().device(device).dtype(at::kFloat))});
    }
    modules_.emplace(linear.name, std::move(factors));
  }
}

void TrainableLora::step(const AdamWSettings& settings, const std::string& stage, double scale) {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> values, grads, averages, squares, steps;
  for (Slot& slot : slots_) {
    const at::Tensor grad = slot.value.grad();
    if (!grad.defined()) continue;
    require_finite(grad, stage, "gradient of " + slot.name);
    if (scale != 1) grad.div_(scale);
    values.push_back(slot.value);
    grads.push_back(grad);
    averages.push_back(slot.average);
    squares.push_back(slot.square);
    slot.step_count += 1;
    steps.push_back(slot.step_count);
  }
  if (values.empty()) return;
  at::_fused_adamw_(values, grads, averages, squares, /*max_exp_avg_sqs=*/{}, steps, settings.learning_rate, settings.beta1, settings.beta2,
                    settings.weight_decay, settings.eps, /*amsgrad=*/false, /*maximize=*/false);
  clear_gradients();
}

bool TrainableLora::has_finite_gradients() const {
  const c10::NoGradGuard no_grad;
  return std::all_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
    const at::Tensor grad = slot.value.grad();
    return !grad.defined() || at::isfinite(grad.sum()).item<bool>();
  });
}

void TrainableLora::clear_gradients() {
  for (Slot& slot : slots_) slot.value.mutable_grad().reset();
}

void TrainableLora::save(TensorMap& tensors, const std::string& prefix) const {
  const auto put = [&](const std::string& name, const at::Tensor& tensor) { tensors[prefix + name] = tensor.detach().to(at::kCPU, /*non_blocking=*/false, /*copy=*/true); };
  for (const Slot& slot : slots_) {
    put(slot.name, slot.value);
    put(slot.name + ".average", slot.average);
    put(slot.name + ".square", slot.square);
    put(slot.name + ".steps", slot.step_count);
  }
}

void TrainableLora::load(const TensorMap& tensors, const std::string& prefix, const std::string& origin) {
  const c10::NoGradGuard no_grad;
  const auto take = [&](const std::string& name, at::Tensor& into) {
    const at::Tensor& saved = require_tensor(tensors, prefix + name, origin);
    if (saved.sizes() != into.sizes()) {
      throw Error(ErrorKind::input_file, fmt::format("{}: {}: found {}, {} expected", origin, prefix + name, shape_text(saved.sizes()), shape_text(into.sizes())));
    }
    into.copy_(saved);
  };
  for (Slot& slot : slots_) {
    take(slot.name, slot.value);
    take(slot.name + ".average", slot.average);
    take(slot.name + ".square", slot.square);
    take(slot.name + ".steps", slot.step_count);
  }
}

int64_t TrainableLora::parameter_count() const {
  int64_t count = 0;
  for (const Slot& slot : slots_) count += slot.value.numel();
  return count;
}

}  // namespace dreamrunner
