#include "region/prior_mask.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace dreamrunner {
namespace {

constexpr int64_t kText = 3;
const TokenGrid kGrid{.frames = 4, .height = 2, .width = 4};

/// Two key frames: a witch on the left in both, a cat on the right in the second; the captions are texts 0 and 1, the
/// background is text 2.
Scene two_people() {
  Scene scene;
  scene.background = "the forest";
  const PlannedRegion witch{.character = "witch", .motion = "walking", .caption = "a witch is walking", .box = {0, 0, 0.5, 1}, .motion_id = ""};
  const PlannedRegion cat{.character = "cat", .motion = "sitting", .caption = "a cat is sitting", .box = {0.25, 0, 1, 1}, .motion_id = ""};
  scene.key_frames = {{{witch}}, {{witch, cat}}};
  return scene;
}

at::Tensor mask_of(const std::vector<RegionPlace>& places, bool text_tokens = true) {
  const Scene scene = two_people();
  return make_prior_mask(scene, places, make_region_conditioning(scene, kGrid, Interpolation::repeat), kGrid, Interpolation::repeat, kText, text_tokens);
}

/// Visual tokens that are in the mask, as rows of 0 and 1, a line a frame's row.
std::string picture(const at::Tensor& mask) {
  std::string text;
  for (int64_t i = 3 * kText; i < mask.size(0); ++i) text += mask[i].item<uint8_t>() != 0 ? '1' : '0';
  return text;
}
std::string texts(const at::Tensor& mask) {
  std::string text;
  for (int64_t i = 0; i < 3 * kText; ++i) text += mask[i].item<uint8_t>() != 0 ? '1' : '0';
  return text;
}

TEST(PriorMask, ActsInItsRegionsAndOnTheirTexts) {
  const at::Tensor witch = mask_of({{0, 0}, {1, 0}});
  EXPECT_EQ(texts(witch), "111000000");
  EXPECT_EQ(picture(witch), "11001100" "11001100" "11001100" "11001100");
  const at::Tensor cat = mask_of({{1, 1}});
  EXPECT_EQ(texts(cat), "000111000");
  EXPECT_EQ(picture(cat), "00000000" "00000000" "01110111" "01110111");
}

TEST(PriorMask, ActsWhenItsMotionIsAndNotInTheOtherKeyFrames) {
  EXPECT_EQ(picture(mask_of({{1, 0}})), "00000000" "00000000" "11001100" "11001100");
}

TEST(PriorMask, WhereTwoOfItsRegionsOverlapItActsOnce) {
  const at::Tensor both = mask_of({{0, 0}, {1, 0}, {1, 1}});
  EXPECT_EQ(both.max().item<uint8_t>(), 1);
  EXPECT_EQ(picture(both), "11001100" "11001100" "11111111" "11111111");
  EXPECT_EQ(texts(both), "111111000");
}

TEST(PriorMask, LeavesTextsOutForThePapersReading) {
  EXPECT_EQ(texts(mask_of({{0, 0}}, false)), "000000000");
  EXPECT_EQ(picture(mask_of({{0, 0}}, false)), picture(mask_of({{0, 0}}, true)));
}

TEST(PriorMask, WithoutPlacesActsNowhere) { EXPECT_EQ(mask_of({}).sum().item<int64_t>(), 0); }

TEST(PriorMask, RefusesAPlaceThatIsNotThere) {
  test::expect_error(ErrorKind::bug, [] { (void)mask_of({{2, 0}}); });
  test::expect_error(ErrorKind::bug, [] { (void)mask_of({{0, 1}}); });
}

}  // namespace
}  // namespace dreamrunner
