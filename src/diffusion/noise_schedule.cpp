#include "diffusion/noise_schedule.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

[[noreturn]] void refuse(const std::string& origin, const std::string& key, const Json& found, const std::string& expected) {
  throw Error(ErrorKind::input_file, fmt::format("{}: {}: found {}, {} expected", origin, key, found.dump(), expected));
}

void require_choice(const Json& json, const std::string& origin, const std::string& key, const std::string& fallback,
                    std::initializer_list<const char*> choices, std::string* value) {
  const Json found = json.value(key, Json(fallback));
  if (!found.is_string() || std::none_of(choices.begin(), choices.end(), [&](const char* choice) { return found == choice; })) {
    std::string expected;
    for (const char* choice : choices) expected += (expected.empty() ? "\"" : " or \"") + std::string(choice) + "\"";
    refuse(origin, key, found, expected);
  }
  if (value != nullptr) *value = found;
}

template <typename T>
T number(const Json& json, const std::string& origin, const std::string& key, T fallback, T least, T most) {
  if (!json.contains(key)) return fallback;
  const Json& found = json[key];
  if (!found.is_number() || (std::is_integral_v<T> && !found.is_number_integer())) refuse(origin, key, found, "a number");
  // As double, which no whole number wraps around in, and which holds all within the bounds exactly.
  const double value = found.get<double>();
  if (!(value >= static_cast<double>(least) && value <= static_cast<double>(most))) refuse(origin, key, found, fmt::format("{} to {}", least, most));
  return static_cast<T>(value);
}

bool flag(const Json& json, const std::string& origin, const std::string& key, bool fallback) {
  if (!json.contains(key)) return fallback;
  if (!json[key].is_boolean()) refuse(origin, key, json[key], "true or false");
  return json[key];
}

}  // namespace

NoiseScheduleConfig read_noise_schedule_config(const Json& json, const std::string& origin) {
  if (!json.is_object()) throw Error(ErrorKind::input_file, origin + ": no JSON object");
  NoiseScheduleConfig config;
  require_choice(json, origin, "_class_name", config.class_name, {"CogVideoXDDIMScheduler", "CogVideoXDPMScheduler"}, &config.class_name);
  require_choice(json, origin, "beta_schedule", "scaled_linear", {"scaled_linear"}, nullptr);
  require_choice(json, origin, "prediction_type", "epsilon", {"v_prediction"}, nullptr);
  require_choice(json, origin, "timestep_spacing", config.timestep_spacing, {"trailing", "leading", "linspace"}, &config.timestep_spacing);
  if (json.contains("trained_betas") && !json["trained_betas"].is_null()) refuse(origin, "trained_betas", json["trained_betas"], "null");
  config.num_train_timesteps = number(json, origin, "num_train_timesteps", config.num_train_timesteps, 2, 100'000);
  config.beta_start = number(json, origin, "beta_start", config.beta_start, 1e-9, 0.999);
  config.beta_end = number(json, origin, "beta_end", config.beta_end, 1e-9, 0.999);
  config.snr_shift_scale = number(json, origin, "snr_shift_scale", config.snr_shift_scale, 1e-3, 1e3);
  config.steps_offset = number(json, origin, "steps_offset", config.steps_offset, 0, 1000);
  config.rescale_betas_zero_snr = flag(json, origin, "rescale_betas_zero_snr", config.rescale_betas_zero_snr);
  config.set_alpha_to_one = flag(json, origin, "set_alpha_to_one", config.set_alpha_to_one);
  return config;
}

NoiseSchedule::NoiseSchedule(const NoiseScheduleConfig& config) : config_(config) {
  const int n = config.num_train_timesteps;
  const double first = std::sqrt(config.beta_start);
  const double last = std::sqrt(config.beta_end);
  double product = 1.0;
  for (int i = 0; i < n; ++i) {
    const double root = first + (last - first) * i / (n - 1);
    product *= 1.0 - root * root;
    alphas_cumprod_.push_back(product);
  }
  const double s = config.snr_shift_scale;
  for (double& a : alphas_cumprod_) a = a / (s + (1 - s) * a);
  if (config.rescale_betas_zero_snr) {
    // The square roots are stretched so that the last is 0 and the first stays: at the last timestep there is only noise.
    const double root_first = std::sqrt(alphas_cumprod_.front());
    const double root_last = std::sqrt(alphas_cumprod_.back());
    for (double& a : alphas_cumprod_) {
      const double root = (std::sqrt(a) - root_last) * root_first / (root_first - root_last);
      a = root * root;
    }
  }
  final_alpha_cumprod_ = config.set_alpha_to_one ? 1.0 : alphas_cumprod_.front();
}

double NoiseSchedule::alpha_cumprod(int64_t timestep) const {
  return timestep < 0 ? final_alpha_cumprod_ : alphas_cumprod_.at(static_cast<size_t>(timestep));
}

std::vector<int64_t> NoiseSchedule::timesteps(int steps) const {
  const int n = config_.num_train_timesteps;
  if (steps < 1 || steps > n) throw Error(ErrorKind::usage, fmt::format("--steps: found {}, 1 to {} expected", steps, n));
  std::vector<int64_t> result;
  for (int i = 0; i < steps; ++i) {
    double t = 0;
    if (config_.timestep_spacing == "trailing") {
      // Counted, not run until a limit: the reference's range yields one entry too many for some numbers of steps.
      t = std::nearbyint(n + i * (-static_cast<double>(n) / steps)) - 1;
    } else if (config_.timestep_spacing == "leading") {
      t = static_cast<double>((steps - 1 - i) * (n / steps) + config_.steps_offset);
    } else {
      t = steps == 1 ? 0 : std::nearbyint(static_cast<double>(n - 1) * (steps - 1 - i) / (steps - 1));
    }
    result.push_back(std::min<int64_t>(static_cast<int64_t>(t), n - 1));
  }
  return result;
}

int64_t NoiseSchedule::previous(int64_t timestep, int steps) const { return timestep - config_.num_train_timesteps / steps; }

}  // namespace dreamrunner
