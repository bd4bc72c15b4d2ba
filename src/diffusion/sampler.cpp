#include "diffusion/sampler.h"

#include <cmath>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

/// x0 = sqrt(a) x - sqrt(1 - a) v. The first product is rounded to the latents' type, the rest is fp32, as in the reference.
at::Tensor predict_clean(const at::Tensor& v, const at::Tensor& latents, double alpha) {
  return (latents * std::sqrt(alpha)).to(at::kFloat) - v * std::sqrt(1 - alpha);
}

class DdimSampler final : public Sampler {
 public:
  DdimSampler(const NoiseSchedule& schedule, int steps) : Sampler(schedule, steps) {}

  at::Tensor step(size_t index, const at::Tensor& v_prediction, const at::Tensor& latents) override {
    const int64_t t = timesteps_[index];
    const double alpha = schedule_.alpha_cumprod(t);
    const double alpha_next = schedule_.alpha_cumprod(schedule_.previous(t, steps_));
    const at::Tensor clean = predict_clean(v_prediction, latents, alpha);
    const double a = std::sqrt((1 - alpha_next) / (1 - alpha));
    const double b = std::sqrt(alpha_next) - std::sqrt(alpha) * a;
    return ((latents * a).to(at::kFloat) + clean * b).to(latents.scalar_type());
  }
};

class DpmSampler final : public Sampler {
 public:
  DpmSampler(const NoiseSchedule& schedule, int steps, NoiseSource& noise) : Sampler(schedule, steps), noise_(noise) {}

  at::Tensor step(size_t index, const at::Tensor& v_prediction, const at::Tensor& latents) override {
    const int64_t t = timesteps_[index];
    const int64_t next = schedule_.previous(t, steps_);
    const double alpha = schedule_.alpha_cumprod(t);
    const double alpha_next = schedule_.alpha_cumprod(next);
    const at::Tensor clean = predict_clean(v_prediction, latents, alpha);

    // Infinities are at home here: log-SNR is -inf at the first timestep and +inf where the last step is clean.
    const double h = log_snr(alpha_next) - log_snr(alpha);
    const double keep = std::sqrt((1 - alpha_next) / (1 - alpha)) * std::exp(-h);
    const double towards = std::expm1(-2 * h) * std::sqrt(alpha_next);
    const double spread = std::sqrt(1 - alpha_next) * std::sqrt(1 - std::exp(-2 * h));

    // The reference draws for a first-order step before it looks whether it takes one; so the sequence of draws is its own.
    at::Tensor noise = noise_.draw(latents.sizes());
    at::Tensor direction = clean;
    if (index > 0 && next >= 0) {
      const double r = (log_snr(alpha) - log_snr(schedule_.alpha_cumprod(timesteps_[index - 1]))) / h;
      direction = clean * (1 + 1 / (2 * r)) - clean_before_ * (1 / (2 * r));
      noise = noise_.draw(latents.sizes());
    }
    clean_before_ = clean;
    const at::Tensor moved = (latents * keep).to(at::kFloat) - direction * towards;
    noise = noise.to(latents.device(), latents.scalar_type());
    return (moved + (noise * spread).to(at::kFloat)).to(latents.scalar_type());
  }

 private:
  static double log_snr(double alpha) { return std::log(std::sqrt(alpha / (1 - alpha))); }

  NoiseSource& noise_;
  at::Tensor clean_before_;
};

}  // namespace

std::string sampler_name(const std::string& name, const NoiseScheduleConfig& config) {
  if (name == "ddim" || name == "dpm") return name;
  if (name == "auto") return config.class_name == "CogVideoXDPMScheduler" ? "dpm" : "ddim";
  throw Error(ErrorKind::usage, fmt::format("--sampler: found \"{}\", auto, ddim or dpm expected", name));
}

std::unique_ptr<Sampler> make_sampler(const std::string& name, const NoiseScheduleConfig& config, int steps, NoiseSource& noise) {
  const NoiseSchedule schedule(config);
  if (sampler_name(name, config) == "ddim") return std::make_unique<DdimSampler>(schedule, steps);
  return std::make_unique<DpmSampler>(schedule, steps, noise);
}

}  // namespace dreamrunner
