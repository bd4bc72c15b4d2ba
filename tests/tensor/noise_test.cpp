#include "tensor/noise.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

TEST(NoiseSourceTest, DrawsWhatTorchDrawsForASeed) {
  // torch.randn(4, generator=torch.Generator().manual_seed(42)) in PyTorch 2.11.
  const at::Tensor expected = at::tensor({0.33669036626815796, 0.12880940735340118, 0.23446236550807953, 0.23033303022384644}, at::kFloat);
  EXPECT_TRUE(at::equal(NoiseSource(42).draw({4}), expected)) << NoiseSource(42).draw({4});
}

TEST(NoiseSourceTest, GoesOnWhereItStopped) {
  NoiseSource one(7), other(7);
  const at::Tensor first = one.draw({2, 3});
  EXPECT_TRUE(at::equal(first, other.draw({2, 3})));
  EXPECT_FALSE(at::equal(first, one.draw({2, 3})));
  EXPECT_FALSE(at::equal(first, NoiseSource(8).draw({2, 3})));
}

TEST(NoiseSourceTest, AHalfDrawIsAnotherSequence) {
  const at::Tensor half = NoiseSource(7, at::kHalf).draw({32});
  EXPECT_EQ(half.scalar_type(), at::kHalf);
  EXPECT_FALSE(at::allclose(half.to(at::kFloat), NoiseSource(7).draw({32}), 1e-2, 1e-2));
}

}  // namespace
}  // namespace dreamrunner
