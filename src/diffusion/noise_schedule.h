#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace dreamrunner {

/// What `scheduler_config.json` says. Defaults are those of diffusers' CogVideoXDDIMScheduler.
struct NoiseScheduleConfig {
  std::string class_name = "CogVideoXDDIMScheduler";
  int num_train_timesteps = 1000;
  double beta_start = 0.00085;
  double beta_end = 0.012;
  double snr_shift_scale = 3.0;
  bool rescale_betas_zero_snr = false;
  bool set_alpha_to_one = true;
  int steps_offset = 0;
  std::string timestep_spacing = "leading";
};

/// Reads a scheduler's config. Throws Error(input_file) naming the key for values that this program cannot follow (another
/// beta schedule or prediction type) and for numbers out of range.
NoiseScheduleConfig read_noise_schedule_config(const Json& json, const std::string& origin);

/// The noise levels of training, and the timesteps visited when sampling. All scalars are double: in half precision the
/// two ends of the schedule would vanish.
class NoiseSchedule {
 public:
  explicit NoiseSchedule(const NoiseScheduleConfig& config);

  /// The product of (1 - beta) up to `timestep`, shifted and rescaled; 1 is clean. Before the first timestep it is
  /// `final_alpha_cumprod`. Source: diffusers, CogVideoXDDIMScheduler.__init__.
  double alpha_cumprod(int64_t timestep) const;
  const std::vector<double>& alphas_cumprod() const { return alphas_cumprod_; }

  /// `steps` timesteps in descending order, spaced as the config says. Throws Error(usage) unless 1 <= steps <=
  /// num_train_timesteps.
  std::vector<int64_t> timesteps(int steps) const;

  /// The timestep that a step from `timestep` leads to: a fixed stride back, not the next entry of the list (the reference
  /// does so, and the two differ where `steps` does not divide the number of timesteps). Negative: clean.
  int64_t previous(int64_t timestep, int steps) const;

 private:
  NoiseScheduleConfig config_;
  std::vector<double> alphas_cumprod_;
  double final_alpha_cumprod_ = 1.0;
};

}  // namespace dreamrunner
