#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "diffusion/noise_schedule.h"

namespace dreamrunner {

/// Latents at a noise level, and the velocity the model should find in them.
/// x_t = sqrt(a) x + sqrt(1 - a) noise, v = sqrt(a) noise - sqrt(1 - a) x, with a the schedule's product at `timestep`.
/// Source: arXiv 2202.00512; diffusers, add_noise and get_velocity. Shapes are those of `latents`; fp32.
struct NoisedLatents {
  at::Tensor noised;
  at::Tensor velocity;
};
NoisedLatents add_noise(const at::Tensor& latents, const at::Tensor& noise, const NoiseSchedule& schedule, int64_t timestep);

/// Mean square of prediction - target, [B, F, C, H, W] both; over latent frame `frame` only where one is given; weighted by
/// `mask` [H, W] (sum of weighted squares by the sum of weights) where one is given.
at::Tensor velocity_loss(const at::Tensor& prediction, const at::Tensor& target, std::optional<int64_t> frame = std::nullopt, const at::Tensor& mask = {});

/// The appearance-debiased loss: mean square between phi(prediction) and phi(target), phi(e) = sqrt(beta^2 + 1) e - beta e[anchor],
/// the anchor being one latent frame. Source: MotionDirector (arXiv 2310.08465) by way of DreamRunner, equation 2.
at::Tensor debiased_loss(const at::Tensor& prediction, const at::Tensor& target, int64_t anchor, double beta);

}  // namespace dreamrunner
