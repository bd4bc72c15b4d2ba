#include "learn/losses.h"

#include <cmath>

#include <ATen/ATen.h>

namespace dreamrunner {

NoisedLatents add_noise(const at::Tensor& latents, const at::Tensor& noise, const NoiseSchedule& schedule, int64_t timestep) {
  const double alpha = schedule.alpha_cumprod(timestep);
  const double signal = std::sqrt(alpha), noise_level = std::sqrt(1.0 - alpha);
  return {latents * signal + noise * noise_level, noise * signal - latents * noise_level};
}

at::Tensor velocity_loss(const at::Tensor& prediction, const at::Tensor& target, std::optional<int64_t> frame, const at::Tensor& mask) {
  const at::Tensor error = frame ? prediction.select(1, *frame) - target.select(1, *frame) : prediction - target;
  const at::Tensor squares = error.square();
  if (!mask.defined()) return squares.mean();
  return (squares * mask).sum() / mask.expand_as(squares).sum().clamp_min(1e-6);
}

at::Tensor debiased_loss(const at::Tensor& prediction, const at::Tensor& target, int64_t anchor, double beta) {
  const auto debias = [&](const at::Tensor& e) { return e * std::sqrt(beta * beta + 1.0) - e.narrow(1, anchor, 1) * beta; };
  return (debias(prediction) - debias(target)).square().mean();
}

}  // namespace dreamrunner
