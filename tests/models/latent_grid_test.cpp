#include "models/latent_grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace dreamrunner {
namespace {

LatentGrid of_2b(std::optional<int64_t> frames, std::optional<int64_t> height = {}, std::optional<int64_t> width = {}) {
  return make_latent_grid(CogVideoXTransformerConfig{}, CogVideoXVaeConfig{}, frames, height, width);
}

std::string refusal(std::optional<int64_t> frames, std::optional<int64_t> height = {}, std::optional<int64_t> width = {}) {
  return test::expect_error(ErrorKind::usage, [&] { of_2b(frames, height, width); });
}

TEST(LatentGridTest, TheOwnSizeOf2BIsThePapersLayout) {
  const LatentGrid grid = of_2b({});
  EXPECT_EQ(grid.num_frames, 48);
  EXPECT_EQ(grid.latent_frames, 12);
  EXPECT_EQ(grid.height_px, 480);
  EXPECT_EQ(grid.width_px, 720);
  EXPECT_EQ(grid.visual_tokens(), 16200);
}

TEST(LatentGridTest, FramesThatCannotComeOutAreRefusedWithTheNearest) {
  for (const int64_t frames : {1, 8, 9, 16, 17, 24, 48, 49, 81}) EXPECT_EQ(of_2b(frames).num_frames, frames);
  EXPECT_THAT(refusal(5), testing::HasSubstr("5 frames cannot come out of this model; nearest: 1 or 8"));
  EXPECT_THAT(refusal(13), testing::HasSubstr("nearest: 9 or 16"));
  EXPECT_THAT(refusal(21), testing::HasSubstr("nearest: 17 or 24"));
  EXPECT_THAT(refusal(45), testing::HasSubstr("nearest: 41 or 48"));
  EXPECT_THAT(refusal(0), testing::HasSubstr("nearest: 1"));
  EXPECT_THAT(refusal(-7), testing::HasSubstr("nearest: 1"));
}

TEST(LatentGridTest, SidesMustBeMultiplesOfAToken) {
  EXPECT_EQ(of_2b(48, 256, 320).latent_width, 40);
  EXPECT_THAT(refusal({}, 488), testing::HasSubstr("--height: 488 px is no multiple of 16"));
  EXPECT_THAT(refusal({}, 488), testing::HasSubstr("nearest: 496"));
  EXPECT_THAT(refusal({}, {}, 7), testing::HasSubstr("--width: 7 px"));
  EXPECT_THAT(refusal({}, {}, 7), testing::HasSubstr("nearest: 16"));
}

TEST(LatentGridTest, DecodedFramesOfOneToFourteenLatents) {
  const std::vector<int64_t> ratio_4 = {1, 8, 9, 16, 17, 24, 25, 32, 33, 40, 41, 48, 49, 56};
  for (size_t n = 1; n <= ratio_4.size(); ++n) EXPECT_EQ(decoded_frames(static_cast<int64_t>(n), 4), ratio_4[n - 1]);
  EXPECT_EQ(decoded_frames(8, 2), 16);
  EXPECT_EQ(decoded_frames(7, 2), 13);
}

}  // namespace
}  // namespace dreamrunner
