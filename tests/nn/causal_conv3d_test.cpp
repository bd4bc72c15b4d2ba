#include "nn/causal_conv3d.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

TEST(Conv3dSameSizeTest, HalvesGiveWhatFloatsGiveUpToTheirRounding) {
  at::manual_seed(3);
  const at::Tensor weight = at::randn({12, 8, 3, 3, 3}) * 0.1, bias = at::randn({12}), x = at::randn({1, 8, 5, 9, 7});
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    const auto rounded = [&](const at::Tensor& tensor) { return tensor.to(type).to(at::kFloat); };
    const at::Tensor exact = conv3d_same_size(rounded(x), rounded(weight), rounded(bias));
    const at::Tensor result = conv3d_same_size(x.to(type), weight.to(type), bias.to(type));
    ASSERT_EQ(result.scalar_type(), type);
    ASSERT_EQ(result.sizes(), exact.sizes());
    const double step = type == at::kHalf ? 1.0 / 1024 : 1.0 / 128;  // of a number's last place
    EXPECT_LT((result.to(at::kFloat) - exact).abs().max().item<double>(), 2 * step * exact.abs().max().item<double>());
  }
}

}  // namespace
}  // namespace dreamrunner
