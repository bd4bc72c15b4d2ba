#include "film/scene_sheet.h"

#include <set>

#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

/// Pictures that are told apart by their colour.
std::vector<uint8_t> numbered_pixels(int frames) {
  std::vector<uint8_t> pixels;
  for (int f = 0; f < frames; ++f) pixels.insert(pixels.end(), size_t{3} * 4 * 6, static_cast<uint8_t>(f));
  return pixels;
}

Scene scene_of(int key_frames) {
  Scene scene;
  scene.background = "a wood";
  for (int k = 0; k < key_frames; ++k) {
    const double left = 0.1 * k;
    scene.key_frames.push_back({{{"bear", "walking", "a bear is walking", {left, 0, left + 0.1, 1}},
                                 {"none", "", "a falling leaf", {0.9, 0, 1, 1}}}});
  }
  return scene;
}

TEST(SceneSheet, EachPictureCarriesTheBoxesOfItsKeyFrame) {
  const std::vector<uint8_t> pixels = numbered_pixels(16);
  const ContactSheet sheet = scene_sheet(scene_of(4), {16, 4, 6, pixels.data()}, {3, 9, 8});
  EXPECT_EQ(sheet.title, "Scene 3");
  EXPECT_EQ(sheet.subtitle, "16 frames · 8 fps · seed 9");
  EXPECT_EQ(sheet.background, "a wood");
  ASSERT_EQ(sheet.cells.size(), 8u);
  std::set<int> shown;
  for (const SheetCell& cell : sheet.cells) {
    const int frame = cell.picture.rgb[0];
    ASSERT_EQ(cell.boxes.size(), 2u);
    EXPECT_DOUBLE_EQ(cell.boxes[0].left, 0.1 * (frame / 4));  // Four frames to a key frame.
    EXPECT_EQ(cell.boxes[0].label, "bear · walking");
    shown.insert(frame / 4);
  }
  EXPECT_EQ(shown.size(), 4u) << "every key frame is shown";
  EXPECT_EQ(sheet.cells[0].caption, "frame 2 · 0.12 s");
}

TEST(SceneSheet, TheLegendNamesEachCaptionOnceAndACharacterKeepsItsColour) {
  Scene scene = scene_of(3);
  scene.key_frames[2].regions[0].motion = "jumping";
  scene.key_frames[2].regions[0].caption = "a bear is jumping";
  const std::vector<uint8_t> pixels = numbered_pixels(6);
  const ContactSheet sheet = scene_sheet(scene, {6, 4, 6, pixels.data()}, {1, 0, 8});
  ASSERT_EQ(sheet.legend.size(), 3u);
  EXPECT_EQ(sheet.legend[0].text, "a bear is walking");
  EXPECT_EQ(sheet.legend[1].text, "a falling leaf");
  EXPECT_EQ(sheet.legend[1].name, "");
  EXPECT_EQ(sheet.legend[2].name, "bear · jumping");
  EXPECT_EQ(sheet.legend[0].colour, sheet.legend[2].colour);
  EXPECT_NE(sheet.legend[0].colour, sheet.legend[1].colour);
}

TEST(SceneSheet, ShortAndEmptyScenesStillShow) {
  const std::vector<uint8_t> pixels = numbered_pixels(2);
  EXPECT_EQ(scene_sheet(scene_of(6), {2, 4, 6, pixels.data()}, {1, 0, 8}).cells.size(), 2u);
  const ContactSheet plain = scene_sheet(scene_of(0), {2, 4, 6, pixels.data()}, {1, 0, 8});
  EXPECT_EQ(plain.cells.size(), 2u);
  EXPECT_TRUE(plain.cells[0].boxes.empty());
  EXPECT_TRUE(plain.legend.empty());
}

}  // namespace
}  // namespace dreamrunner
