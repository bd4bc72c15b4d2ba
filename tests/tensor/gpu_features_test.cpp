#include "tensor/gpu_features.h"

#include <gmock/gmock.h>

#include "base/machine.h"
#include "tensor/device.h"

namespace dreamrunner {
namespace {

using testing::HasSubstr;

TEST(GpuFeaturesTest, AnOldDriverAndAnOldGpuAreRefusedInWordsThatHelp) {
  EXPECT_THAT(why_unusable({.cuda = 12040, .first_gpu = ComputeCapability{9, 0}}), HasSubstr("serves CUDA 12.4 and LibTorch needs 13.0: driver 580"));
  EXPECT_THAT(why_unusable({.cuda = 13000, .first_gpu = ComputeCapability{7, 0}}), HasSubstr("capability 7.0 and LibTorch needs 7.5 (Turing)"));
  EXPECT_THAT(why_unusable({.cuda = 13010, .first_gpu = ComputeCapability{6, 1}}), HasSubstr("capability 6.1"));
}

TEST(GpuFeaturesTest, OthersAreLeftToLibTorch) {
  EXPECT_EQ(why_unusable({.cuda = 13000, .first_gpu = ComputeCapability{7, 5}}), "");
  EXPECT_EQ(why_unusable({.cuda = 13020, .first_gpu = ComputeCapability{12, 0}}), "");
  EXPECT_EQ(why_unusable({.cuda = 0, .first_gpu = ComputeCapability{8, 0}}), "");  // a driver that does not say
  EXPECT_EQ(why_unusable({.cuda = 13000, .first_gpu = {}}), "");                   // no GPU that this process may see
}

TEST(GpuFeaturesTest, WithoutADriverThereIsNothing) {
  if (read_nvidia().cards > 0) GTEST_SKIP() << "this machine has an NVIDIA card";
  EXPECT_EQ(read_gpu_driver().cuda, 0);
  EXPECT_FALSE(read_gpu_driver().first_gpu.has_value());
  EXPECT_FALSE(has_flash_attention(at::Device(at::kCUDA, 0)));
  // 5B's type on a GPU without its convolutions.
  EXPECT_EQ(choose_dtype("auto", at::Device(at::kCUDA, 0), at::kBFloat16), at::kHalf);
  EXPECT_EQ(choose_dtype("bf16", at::Device(at::kCUDA, 0), at::kBFloat16), at::kBFloat16);
}

}  // namespace
}  // namespace dreamrunner
