#include "nn/picture_resize.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "support/expect_error.h"

namespace dreamrunner {
namespace {

using testing::HasSubstr;

at::Tensor noise(int64_t frames, int64_t height, int64_t width) {
  return at::randint(256, {frames, height, width, 3}, at::TensorOptions(at::kByte));
}

at::Tensor resized(const at::Tensor& pictures, int64_t height, int64_t width, int kind) {
  if (kind == 0) return resize_as_opencv(pictures, height, width);
  return resize_as_pillow(pictures, height, width, kind == 1 ? PillowFilter::bilinear : PillowFilter::bicubic);
}

// The libraries' own bytes are in tests/golden (scorers_golden_test).

TEST(PictureResize, ThePlainPictureStaysPlain) {
  for (const int kind : {0, 1, 2}) {
    for (const int value : {0, 1, 114, 254, 255}) {
      const at::Tensor result = resized(at::full({1, 37, 53, 3}, value, at::kByte), 23, 71, kind);
      EXPECT_TRUE(result.eq(value).all().item<bool>()) << kind << ", " << value;
    }
  }
}

TEST(PictureResize, TheSameSizeIsTheSamePicture) {
  const at::Tensor pictures = noise(2, 9, 14);
  for (const int kind : {0, 1, 2}) EXPECT_TRUE(resized(pictures, 9, 14, kind).equal(pictures)) << kind;
}

TEST(PictureResize, EachPictureIsResizedByItself) {
  const at::Tensor pictures = noise(40, 21, 17);  // more rows than one thread takes
  for (const int kind : {0, 1, 2}) {
    const at::Tensor all = resized(pictures, 12, 29, kind);
    for (int64_t i = 0; i < pictures.size(0); i += 13) EXPECT_TRUE(resized(pictures.slice(0, i, i + 1), 12, 29, kind)[0].equal(all[i])) << kind << ", " << i;
  }
}

TEST(PictureResize, LayoutsInMemoryDoNotMatter) {
  const at::Tensor pictures = noise(3, 20, 30), turned = pictures.flip({0}).permute({0, 2, 1, 3});
  for (const int kind : {0, 1, 2}) EXPECT_TRUE(resized(turned, 11, 13, kind).equal(resized(turned.contiguous(), 11, 13, kind))) << kind;
}

TEST(PictureResize, ToHalfTheSizeOpenCvTakesTheMeanOfFour) {
  const at::Tensor picture = at::tensor({10, 20, 30, 41}, at::kByte).view({1, 2, 2, 1}).expand({1, 2, 2, 3});
  EXPECT_EQ(resize_as_opencv(picture, 1, 1)[0][0][0][0].item<int>(), 25);  // 25.25
}

TEST(PictureResize, ShrinkingAsPillowLooksAtEveryPixel) {
  at::Tensor picture = at::zeros({1, 64, 64, 3}, at::kByte);
  picture[0][31] = 255;  // one bright line of 64
  EXPECT_GT(resize_as_pillow(picture, 4, 4, PillowFilter::bicubic).max().item<int>(), 5);
  EXPECT_EQ(resize_as_opencv(picture, 4, 4).max().item<int>(), 0) << "two neighbours only: the line is not seen";
}

TEST(PictureResize, WhatIsNoPictureIsRefused) {
  const auto refused = [](const at::Tensor& pictures, int64_t height, int64_t width) {
    return test::expect_error(ErrorKind::usage, [&] { resize_as_pillow(pictures, height, width, PillowFilter::bicubic); }) +
           test::expect_error(ErrorKind::usage, [&] { resize_as_opencv(pictures, height, width); });
  };
  EXPECT_THAT(refused(at::zeros({1, 3, 8, 8}, at::kByte), 4, 4), HasSubstr("found [1, 3, 8, 8], uint8 [F, H, W, 3] expected"));
  EXPECT_THAT(refused(at::zeros({1, 8, 8, 3}), 4, 4), HasSubstr("uint8 [F, H, W, 3] expected"));
  EXPECT_THAT(refused(at::zeros({0, 8, 8, 3}, at::kByte), 4, 4), HasSubstr("uint8 [F, H, W, 3] expected"));
  EXPECT_THAT(refused(noise(1, 8, 8), 0, 4), HasSubstr("a side of 0 px"));
  EXPECT_THAT(refused(noise(1, 8, 8), 4, 20'000), HasSubstr("a side of 20000 px"));
}

}  // namespace
}  // namespace dreamrunner
