#include "learn/losses.h"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "learn/example_pixels.h"
#include "learn/prior_blocks.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

NoiseSchedule schedule() { return NoiseSchedule({.snr_shift_scale = 1.0, .rescale_betas_zero_snr = true, .timestep_spacing = "trailing"}); }

TEST(AddNoise, VelocityLeadsBackToTheLatents) {
  at::manual_seed(1);
  const at::Tensor x = at::randn({1, 2, 3, 4, 4}), noise = at::randn_like(x);
  const NoiseSchedule levels = schedule();
  for (const int64_t t : {0, 19, 499, 998, 999}) {
    const NoisedLatents noised = add_noise(x, noise, levels, t);
    const double a = levels.alpha_cumprod(t);
    const at::Tensor back = noised.noised * std::sqrt(a) - noised.velocity * std::sqrt(1 - a);
    EXPECT_LT((back - x).abs().max().item<double>(), 1e-5) << t;
    EXPECT_EQ(velocity_loss(noised.velocity, noised.velocity).item<double>(), 0);
  }
  // At the last timestep nothing is left of the signal: the velocity is minus the latents.
  EXPECT_LT((add_noise(x, noise, levels, 999).velocity + x).abs().max().item<double>(), 1e-6);
}

/// Losses element by element, as the formulas read.
struct Plain {
  static double squares(const at::Tensor& a, const at::Tensor& b) {
    const at::Tensor x = a.contiguous().flatten(), y = b.contiguous().flatten();
    double sum = 0;
    for (int64_t i = 0; i < x.numel(); ++i) sum += std::pow(x[i].item<double>() - y[i].item<double>(), 2);
    return sum / static_cast<double>(x.numel());
  }
};

TEST(Losses, EqualTheirFormulas) {
  at::manual_seed(2);
  const at::Tensor p = at::randn({1, 3, 2, 2, 2}), v = at::randn_like(p);
  EXPECT_NEAR(velocity_loss(p, v).item<double>(), Plain::squares(p, v), 1e-6);
  EXPECT_NEAR(velocity_loss(p, v, 1).item<double>(), Plain::squares(p.select(1, 1), v.select(1, 1)), 1e-6);

  const at::Tensor mask = at::tensor({1.0, 0.0, 0.0, 1.0}).view({2, 2}).to(at::kFloat);
  double sum = 0;
  for (int64_t c = 0; c < 2; ++c) {
    for (const auto& [y, x] : {std::pair{0, 0}, std::pair{1, 1}}) sum += std::pow((p[0][2][c][y][x] - v[0][2][c][y][x]).item<double>(), 2);
  }
  EXPECT_NEAR(velocity_loss(p, v, 2, mask).item<double>(), sum / 4, 1e-6);

  for (const double beta : {1.0, 0.5}) {
    std::vector<at::Tensor> phi_p, phi_v;
    for (int64_t f = 0; f < 3; ++f) {
      phi_p.push_back(std::sqrt(beta * beta + 1) * p.select(1, f) - beta * p.select(1, 2));
      phi_v.push_back(std::sqrt(beta * beta + 1) * v.select(1, f) - beta * v.select(1, 2));
    }
    EXPECT_NEAR(debiased_loss(p, v, 2, beta).item<double>(), Plain::squares(at::stack(phi_p), at::stack(phi_v)), 1e-5) << beta;
  }
}

TEST(TrainingFrames, AreSpreadFromFirstToLastOrTheLastIsRepeated) {
  EXPECT_EQ(training_frames(48, 4), (std::vector<int64_t>{0, 15, 31, 47}));
  EXPECT_EQ(training_frames(4, 4), (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(training_frames(2, 5), (std::vector<int64_t>{0, 1, 1, 1, 1}));
  EXPECT_EQ(training_frames(9, 1), (std::vector<int64_t>{0}));
}

TEST(PriorBlocks, AreTheAuthors) {
  // Counted from 1 there: "odd" blocks are 0, 2, ... here, and carry motion.
  EXPECT_EQ(prior_blocks("auto", PriorKind::motion, 6), (std::vector<int64_t>{0, 2, 4}));
  EXPECT_EQ(prior_blocks("auto", PriorKind::subject, 6), (std::vector<int64_t>{1, 3, 5}));
  EXPECT_EQ(prior_blocks("first-half", PriorKind::motion, 5), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(prior_blocks("second-half", PriorKind::motion, 5), (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(prior_blocks("all", PriorKind::subject, 3).size(), 3u);
  EXPECT_EQ(prior_blocks("even", PriorKind::subject, 30).size(), 15u);
  EXPECT_EQ(prior_blocks("odd", PriorKind::motion, 42).size(), 21u);
  EXPECT_EQ(other_blocks({0, 2}, 4), (std::vector<int64_t>{1, 3}));
  test::expect_error(ErrorKind::usage, [] { prior_blocks("some", PriorKind::motion, 6); });
  test::expect_error(ErrorKind::usage, [] { prior_blocks("odd", PriorKind::motion, 1); });
}

}  // namespace
}  // namespace dreamrunner
