#include "nn/lora.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

/// The largest difference over the largest value.
double relative(const at::Tensor& got, const at::Tensor& want) {
  return ((got.to(at::kDouble) - want.to(at::kDouble)).abs().max() / want.to(at::kDouble).abs().max()).item<double>();
}

/// W x + b + sum of scale (up (down (m x))) + m bias, token by token as equation 6 writes it, in double.
at::Tensor plain_formula(const Linear& linear, const std::vector<JoinedLora::Part>& parts, const at::Tensor& x) {
  const auto wide = [](const at::Tensor& tensor) { return tensor.to(at::kDouble); };
  at::Tensor y = at::linear(wide(x), wide(linear.weight), wide(linear.bias));
  for (const JoinedLora::Part& part : parts) {
    const at::Tensor mask = part.mask_L.defined() ? wide(part.mask_L).unsqueeze(-1) : at::ones({x.size(-2), 1}, at::kDouble);
    at::Tensor share = at::matmul(at::matmul(wide(x) * mask, wide(part.factors.down).t()), wide(part.factors.up).t());
    if (part.factors.bias.defined()) share = share + mask * wide(part.factors.bias);
    y = y + share * part.factors.scale;
  }
  return y;
}

class LoraAlgebra : public ::testing::Test {
 protected:
  void SetUp() override { at::manual_seed(3); }

  Linear linear_{at::randn({10, 6}), at::randn({10})};
  at::Tensor x_ = at::randn({2, 7, 6});

  static LoraFactors factors(int64_t rank, double scale, bool bias = false) {
    return {.down = at::randn({rank, 6}), .up = at::randn({10, rank}), .bias = bias ? at::randn({10}) : at::Tensor(), .scale = scale};
  }
  static at::Tensor mask(std::initializer_list<int64_t> bits) { return at::tensor(at::IntArrayRef(bits), at::kLong).to(at::kByte); }
};

TEST_F(LoraAlgebra, PartsOfAllKindsEqualThePlainFormula) {
  const std::vector<std::vector<JoinedLora::Part>> cases{
      {{factors(3, 1.0), {}}},
      {{factors(3, 0.5), mask({1, 0, 1, 1, 0, 0, 1})}},
      {{factors(3, 2.0), mask({1, 1, 1, 0, 0, 0, 0})}, {factors(1, -1.0), mask({0, 0, 1, 1, 1, 0, 0})}, {factors(5, 0.25), {}}},
      {{factors(2, 1.5, true), mask({0, 1, 0, 1, 0, 1, 0})}, {factors(4, 1.0), {}}},
      {{factors(2, 1.0), mask({0, 0, 0, 0, 0, 0, 0})}},
  };
  for (const auto& parts : cases) {
    const at::Tensor got = JoinedLora(parts, linear_).add_to(linear_.forward(x_), x_);
    EXPECT_LT(relative(got, plain_formula(linear_, parts, x_)), 2e-6);
  }
}

TEST_F(LoraAlgebra, OutsideItsTokensALoraChangesNoBit) {
  const JoinedLora lora({{factors(3, 1.0), mask({1, 0, 1, 0, 0, 0, 0})}}, linear_);
  const at::Tensor without = linear_.forward(x_);
  const at::Tensor with = lora.add_to(without.clone(), x_);
  for (const int64_t token : {1, 3, 4, 5, 6}) EXPECT_TRUE(at::equal(with.select(1, token), without.select(1, token))) << token;
  EXPECT_FALSE(at::equal(with.select(1, 0), without.select(1, 0)));
}

TEST_F(LoraAlgebra, GradientsAreThoseOfThePlainFormula) {
  std::vector<JoinedLora::Part> parts{{factors(3, 0.5), mask({1, 0, 1, 1, 0, 0, 1})}, {factors(2, 1.0), {}}};
  for (auto& part : parts) {
    part.factors.down.requires_grad_(true);
    part.factors.up.requires_grad_(true);
  }
  x_.requires_grad_(true);
  const at::Tensor weights = at::randn({2, 7, 10});
  const auto gradients = [&](const at::Tensor& y) {
    y.backward(weights.to(y.scalar_type()));
    std::vector<at::Tensor> all{x_.grad().clone()};
    x_.mutable_grad().reset();
    for (auto& part : parts) {
      for (const at::Tensor& factor : {part.factors.down, part.factors.up}) {
        all.push_back(factor.grad().clone());
        factor.mutable_grad().reset();
      }
    }
    return all;
  };
  const auto got = gradients(JoinedLora(parts, linear_).add_to(linear_.forward(x_), x_));
  const auto want = gradients(plain_formula(linear_, parts, x_));
  for (size_t i = 0; i < got.size(); ++i) EXPECT_LT(relative(got[i], want[i]), 3e-6) << i;
}

TEST_F(LoraAlgebra, MergedWeightsGiveWhatUnmaskedPartsGive) {
  const LoraFactors first = factors(3, 0.5, true), second = factors(2, 2.0);
  const at::Tensor got = merge_loras(linear_, {first, second}).forward(x_);
  EXPECT_LT(relative(got, plain_formula(linear_, {{first, {}}, {second, {}}}, x_)), 2e-6);
}

TEST_F(LoraAlgebra, DropoutDropsTheShareAskedForAndTheSameNumbersAgain) {
  const Linear wide{at::zeros({4000, 6}), at::zeros({4000})};
  const LoraFactors lora{.down = at::ones({1, 6}), .up = at::ones({4000, 1})};
  const at::Tensor ones = at::ones({1, 1, 6});
  const auto run = [&](int64_t seed) { return JoinedLora({{lora, {}}}, wide, {.probability = 0.1, .seed = seed}).add_to(wide.forward(ones), ones); };
  const at::Tensor y = run(1);
  EXPECT_NEAR(y.eq(0).to(at::kFloat).mean().item<double>(), 0.1, 0.02);
  EXPECT_NEAR(y.max().item<double>(), 6 / 0.9, 1e-4);  // What stays is scaled, so that the mean does.
  EXPECT_TRUE(at::equal(y, run(1)));
  EXPECT_FALSE(at::equal(y, run(2)));
}

}  // namespace
}  // namespace dreamrunner
