#pragma once

#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "diffusion/noise_schedule.h"
#include "tensor/noise.h"

namespace dreamrunner {

/// Walks from noise to a clean sample. A sampler serves one run: it remembers the step before.
class Sampler {
 public:
  virtual ~Sampler() = default;

  const std::vector<int64_t>& timesteps() const { return timesteps_; }

  /// Takes step `index` (0 first): from the latents at timesteps()[index] and the model's v-prediction (fp32) there to the
  /// latents at the next noise level, in the latents' type.
  virtual at::Tensor step(size_t index, const at::Tensor& v_prediction, const at::Tensor& latents) = 0;

 protected:
  Sampler(const NoiseSchedule& schedule, int steps) : schedule_(schedule), steps_(steps), timesteps_(schedule.timesteps(steps)) {}

  NoiseSchedule schedule_;
  int steps_;
  std::vector<int64_t> timesteps_;
};

/// "ddim" (deterministic; source: CogVideoXDDIMScheduler.step) or "dpm" (second-order SDE DPM-Solver++, one or two draws of
/// `noise` a step; source: CogVideoXDPMScheduler.step with the step before as in CogVideoXPipeline). "auto" takes the class
/// that the config names. `noise` must live as long as the sampler. Throws Error(usage) for another name.
std::unique_ptr<Sampler> make_sampler(const std::string& name, const NoiseScheduleConfig& config, int steps, NoiseSource& noise);

/// "ddim" or "dpm": what "auto" means for a config.
std::string sampler_name(const std::string& name, const NoiseScheduleConfig& config);

}  // namespace dreamrunner
