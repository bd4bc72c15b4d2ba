#include "retrieve/clip_cut.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "retrieve/clip_attributes.h"
#include "retrieve/walks.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

using test::Body;
using test::even_looks;
using test::seen_at;

/// A clip of `frames` at `rate`, looked at in every `step`th.
LookedAt looked_at(int frames, double rate, int step, int width = 640, int height = 360) {
  LookedAt clip{.frames = frames, .width = width, .height = height, .frame_of_look = {}, .looks_s = {}};
  for (int frame = 0; frame < frames; frame += step) {
    clip.frame_of_look.push_back(frame);
    clip.looks_s.push_back(frame / rate);
  }
  return clip;
}

/// Somebody who stands there from look `first` to look `last`.
PersonTrack standing(int first, int last, float x0 = 300, float y0 = 120, float x1 = 340, float y1 = 220) {
  PersonTrack track;
  for (int look = first; look <= last; ++look) track.boxes.push_back({look, x0, y0, x1, y1, true});
  track.score = 0.9f;
  return track;
}

/// The crop in px; whole px or the test fails.
struct CropPx {
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  int width() const { return x1 - x0; }
  int height() const { return y1 - y0; }
  double aspect() const { return static_cast<double>(width()) / height(); }
};

CropPx crop_px(const ClipCut& cut, const LookedAt& clip) {
  if (!cut.crop) return {0, 0, clip.width, clip.height};
  const auto px = [](double part, int size) {
    const double at = part * size;
    EXPECT_NEAR(at, std::round(at), 1e-9);
    return static_cast<int>(std::lround(at));
  };
  return {px(cut.crop->left, clip.width), px(cut.crop->top, clip.height), px(cut.crop->right, clip.width), px(cut.crop->bottom, clip.height)};
}

CropPx crop_around(const LookedAt& clip, float x0, float y0, float x1, float y1, CutSettings settings = {}) {
  settings.mode = CutMode::crop;
  const std::vector<ClipCut> cuts = possible_cuts(clip, {standing(0, static_cast<int>(clip.looks_s.size()) - 1, x0, y0, x1, y1)}, settings);
  EXPECT_EQ(cuts.size(), 1u);
  return crop_px(cuts.at(0), clip);
}

TEST(ClipCut, OfModeOffIsTheWholeClipWhoeverIsThere) {
  const LookedAt clip = looked_at(48, 24, 4);
  const std::vector<ClipCut> cuts = possible_cuts(clip, {}, {.mode = CutMode::off});
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(cuts[0].first, 0);
  EXPECT_EQ(cuts[0].end, 48);
  EXPECT_FALSE(cuts[0].crop);
  EXPECT_EQ(cuts[0].track, -1);
  EXPECT_EQ(possible_cuts({.frames = 48, .width = 64, .height = 48, .frame_of_look = {}, .looks_s = {}}, {}, {.mode = CutMode::off}).size(), 1u);
}

TEST(ClipCut, WhereNobodyIsThereAreNone) {
  EXPECT_TRUE(possible_cuts(looked_at(48, 24, 4), {}, {}).empty());
  EXPECT_TRUE(possible_cuts(looked_at(0, 24, 4), {}, {.mode = CutMode::crop}).empty());
}

TEST(ClipCut, GoesFromTheFirstLookToTheOneAfterTheLast) {
  const LookedAt clip = looked_at(240, 24, 4);
  const std::vector<ClipCut> cuts = possible_cuts(clip, {standing(10, 39)}, {});
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(cuts[0].first, 40);
  EXPECT_EQ(cuts[0].end, 160);
  EXPECT_FALSE(cuts[0].crop);
  EXPECT_EQ(cuts[0].track, 0);
}

TEST(ClipCut, ReachesToTheEndsOfTheClipWhereTheGapIsNotLonger) {
  const LookedAt clip = looked_at(240, 24, 4);  // 60 looks, a sixth of a second each: three of them are the longest gap.
  const auto cut_of = [&](int first, int last) { return possible_cuts(clip, {standing(first, last)}, {}).at(0); };
  EXPECT_EQ(cut_of(3, 56).first, 0);
  EXPECT_EQ(cut_of(3, 56).end, 240);
  EXPECT_EQ(cut_of(4, 55).first, 16);
  EXPECT_EQ(cut_of(4, 55).end, 224);
}

TEST(ClipCut, OneMissedDetectionAtAnEndCostsAShortClipNothing) {
  // 48 frames at 24 a second are just the 2 s and more than the 40 frames that a clip must have.
  for (const int step : {1, 2, 3, 4, 6, 8, 12}) {
    const LookedAt clip = looked_at(48, 24, step);
    const int looks = static_cast<int>(clip.looks_s.size());
    for (const int missed : {0, looks / 2, looks - 1}) {
      std::vector<Detection> seen;
      for (int look = 0; look < looks; ++look) {
        if (look != missed) seen.push_back(seen_at(look, 320, 180));
      }
      const std::vector<ClipCut> cuts = possible_cuts(clip, track_people(seen, clip.looks_s, {}), {});
      ASSERT_EQ(cuts.size(), 1u) << step << " " << missed;
      EXPECT_EQ(cuts[0].first, 0) << step << " " << missed;
      EXPECT_EQ(cuts[0].end, 48) << step << " " << missed;
      EXPECT_EQ(attribute_fault({cuts[0].end - cuts[0].first, 24, clip.width, clip.height}, {}), "");
    }
  }
}

TEST(ClipCut, CountsTheLastLooksTimeByTheClipsPace) {
  // Looks at unlike distances, 100 frames in 10 s; the person is missed from the look at 9.3 s on, 0.7 s before the end.
  LookedAt clip{.frames = 100, .width = 640, .height = 360, .frame_of_look = {0, 10, 35, 60, 93, 97}, .looks_s = {0, 1, 3.5, 6, 9.3, 9.7}};
  EXPECT_EQ(possible_cuts(clip, {standing(0, 3)}, {}).at(0).end, 93);
  EXPECT_EQ(possible_cuts(clip, {standing(0, 4)}, {}).at(0).end, 100);
  EXPECT_EQ(possible_cuts(clip, {standing(0, 3)}, {.tracks = {.longest_gap_s = 0.7}}).at(0).end, 100);
}

TEST(ClipCut, OfOneLookIsAllOfTheClip) {
  const LookedAt clip{.frames = 48, .width = 640, .height = 360, .frame_of_look = {0}, .looks_s = {0}};
  const std::vector<ClipCut> cuts = possible_cuts(clip, {standing(0, 0)}, {});
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(cuts[0].end, 48);
}

TEST(ClipCut, OfSeveralPeopleAreTheLongestFirstAndThoseAlikeOnce) {
  const LookedAt clip = looked_at(240, 24, 4);
  const std::vector<PersonTrack> tracks{standing(0, 29), standing(20, 59, 100, 100, 140, 200), standing(0, 29, 500, 100, 540, 200)};
  const std::vector<ClipCut> trimmed = possible_cuts(clip, tracks, {});
  ASSERT_EQ(trimmed.size(), 2u);
  EXPECT_EQ(trimmed[0].track, 1);
  EXPECT_EQ(trimmed[0].first, 80);
  EXPECT_EQ(trimmed[1].track, 0);
  EXPECT_EQ(trimmed[1].end, 120);
  const std::vector<ClipCut> cropped = possible_cuts(clip, tracks, {.mode = CutMode::crop});
  ASSERT_EQ(cropped.size(), 3u);
  EXPECT_EQ(cropped[0].track, 1);
  EXPECT_EQ(cropped[1].track, 0);
  EXPECT_EQ(cropped[2].track, 2);
}

TEST(ClipCut, CropsToTheHullOfAllBoxesWithTheMarginGrownToTheAspect) {
  const LookedAt clip = looked_at(48, 24, 24, 1280, 720);
  PersonTrack track = standing(0, 1, 600, 300, 640, 400);
  track.boxes[1].x0 += 60;
  track.boxes[1].x1 += 60;
  const std::vector<ClipCut> cuts = possible_cuts(clip, {track}, {.mode = CutMode::crop});
  ASSERT_EQ(cuts.size(), 1u);
  // Hull 600..700 x 300..400, a margin of 15 on each side: 130 x 130; grown to 195 wide, made even.
  const CropPx crop = crop_px(cuts[0], clip);
  EXPECT_EQ(crop.width(), 196);
  EXPECT_EQ(crop.height(), 130);
  EXPECT_EQ(crop.x0, 552);
  EXPECT_EQ(crop.y0, 285);
}

TEST(ClipCut, GrowsUpwardsForSomebodyWhoMovesAcrossThePicture) {
  const CropPx crop = crop_around(looked_at(48, 24, 8, 1280, 720), 100, 300, 800, 400);
  EXPECT_EQ(crop.width(), 910);
  EXPECT_EQ(crop.height(), 608);  // 606.7 made even.
  EXPECT_EQ(crop.x0, 0);          // 700 and twice 105, from -5 on moved into the picture.
}

TEST(ClipCut, MovesTheCropIntoThePictureAtEachEdge) {
  const LookedAt clip = looked_at(48, 24, 8, 640, 360);
  for (const auto& [x0, y0] : std::vector<std::pair<float, float>>{{0, 130}, {600, 130}, {300, 0}, {300, 260}, {0, 0}, {600, 0}, {0, 260}, {600, 260}}) {
    const CropPx crop = crop_around(clip, x0, y0, x0 + 40, y0 + 100);
    EXPECT_EQ(crop.width(), 196);
    EXPECT_EQ(crop.height(), 130);
    EXPECT_TRUE(crop.x0 >= 0 && crop.y0 >= 0 && crop.x1 <= 640 && crop.y1 <= 360) << x0 << " " << y0;
    EXPECT_TRUE(crop.x0 <= x0 && crop.y0 <= y0 && crop.x1 >= x0 + 40 && crop.y1 >= y0 + 100) << x0 << " " << y0;
  }
}

TEST(ClipCut, OfAPortraitPictureGrowsToItsWholeWidth) {
  const LookedAt clip = looked_at(48, 24, 8, 480, 640);
  const CropPx crop = crop_around(clip, 200, 200, 280, 500);  // 300 px and twice 45 are 390; 585 wide they would be.
  EXPECT_EQ(crop.width(), 480);
  EXPECT_EQ(crop.height(), 390);
  EXPECT_EQ(attribute_fault({48, 24, crop.width(), crop.height()}, {}), "");
  // Somebody as tall as the picture leaves it portrait: nothing of them is cut off.
  const CropPx tall = crop_around(clip, 200, 10, 280, 630);
  EXPECT_EQ(tall.width(), 480);
  EXPECT_EQ(tall.height(), 640);
}

TEST(ClipCut, GrowsByWhatThePictureHasOfTheMarginNotByWhatWasWanted) {
  // 290 px and twice 43.5 would be 377; the picture has 300, and 450 is the width to that.
  const CropPx crop = crop_around(looked_at(48, 24, 8, 1000, 300), 500, 5, 540, 295);
  EXPECT_EQ(crop.width(), 450);
  EXPECT_EQ(crop.height(), 300);
}

TEST(ClipCut, OfSomebodyWhoFillsThePictureIsNoCrop) {
  for (const auto& [width, height] : std::vector<std::pair<int, int>>{{640, 360}, {641, 361}, {99, 110}}) {
    const LookedAt clip = looked_at(48, 24, 8, width, height);
    const std::vector<ClipCut> cuts = possible_cuts(clip, {standing(0, 5, 2, 2, static_cast<float>(width - 2), static_cast<float>(height - 2))}, {.mode = CutMode::crop});
    ASSERT_EQ(cuts.size(), 1u);
    EXPECT_FALSE(cuts[0].crop) << width << " x " << height;
  }
}

TEST(ClipCut, WithAnAspectWiderThanThePictureIsAsWideAsIt) {
  const CropPx crop = crop_around(looked_at(48, 24, 8, 640, 360), 300, 120, 340, 220, {.aspect = 20});
  EXPECT_EQ(crop.width(), 640);
  EXPECT_EQ(crop.height(), 130);
  const CropPx upright = crop_around(looked_at(48, 24, 8, 640, 360), 300, 120, 340, 220, {.aspect = 0.05});
  EXPECT_EQ(upright.height(), 360);
  EXPECT_EQ(upright.width(), 70);
}

TEST(ClipCut, OfAnyPersonInAnyPictureIsEvenInsideHoldsThemAndDoesNotFailTheAspect) {
  std::mt19937 random(23);
  const auto pick = [&](int low, int high) { return low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1)); };
  for (int round = 0; round < 5000; ++round) {
    const int height = pick(16, 500);
    const int width = std::max(16, pick(height * 9 / 10, 2 * height));
    const LookedAt clip = looked_at(48, 24, 48, width, height);
    const float x0 = static_cast<float>(pick(0, 10 * (width - 2))) / 10, y0 = static_cast<float>(pick(0, 10 * (height - 2))) / 10;
    const float x1 = std::min(x0 + 1 + static_cast<float>(pick(0, 10 * width)) / 10, static_cast<float>(width));
    const float y1 = std::min(y0 + 1 + static_cast<float>(pick(0, 10 * height)) / 10, static_cast<float>(height));
    const CutSettings settings{.margin = pick(0, 3) * 0.15, .aspect = pick(0, 1) ? 1.5 : 0.9};
    const CropPx crop = crop_around(clip, x0, y0, x1, y1, settings);
    const std::string where = testing::PrintToString(round);
    ASSERT_TRUE(crop.x0 >= 0 && crop.y0 >= 0 && crop.x1 <= width && crop.y1 <= height) << where;
    // One px may be missing of a person who takes all of an odd width or height.
    const int odd_x = width % 2, odd_y = height % 2;
    ASSERT_TRUE(crop.x0 <= x0 + odd_x && crop.y0 <= y0 + odd_y && crop.x1 >= x1 - odd_x && crop.y1 >= y1 - odd_y) << where;
    if (crop.width() != width || crop.height() != height) {
      ASSERT_TRUE(crop.width() % 2 == 0 && crop.height() % 2 == 0) << where;
    }
    if (width < 0.9 * height) continue;
    if (settings.aspect == 1.5) {
      ASSERT_GE(crop.aspect(), 0.9 - 1e-6) << where << ": " << width << " x " << height;
    } else {  // Even sides put a crop of exactly 0.9 up to a row off it; 1.5 has room to spare.
      ASSERT_GE(crop.width() + 2, 0.9 * crop.height()) << where;
    }
  }
}

TEST(ClipCut, OfAnyTracksLieInTheClip) {
  std::mt19937 random(29);
  for (int round = 0; round < 500; ++round) {
    const LookedAt clip = looked_at(1 + static_cast<int>(random() % 200), 24, 1 + static_cast<int>(random() % 12));
    const int looks = static_cast<int>(clip.looks_s.size());
    std::vector<PersonTrack> tracks;
    for (int count = static_cast<int>(random() % 4); count > 0; --count) {
      const int first = static_cast<int>(random() % static_cast<unsigned>(looks));
      tracks.push_back(standing(first, first + static_cast<int>(random() % static_cast<unsigned>(looks - first))));
    }
    int longest = clip.frames;
    for (const ClipCut& cut : possible_cuts(clip, tracks, {.mode = round % 2 ? CutMode::crop : CutMode::trim})) {
      ASSERT_TRUE(cut.first >= 0 && cut.first < cut.end && cut.end <= clip.frames);
      ASSERT_LE(cut.end - cut.first, longest);
      longest = cut.end - cut.first;
      const PersonTrack& track = tracks.at(cut.track);
      ASSERT_LE(cut.first, clip.frame_of_look[track.boxes.front().look]);
      ASSERT_GT(cut.end, clip.frame_of_look[track.boxes.back().look]);
    }
  }
}

TEST(ClipCut, RefusesLooksThatDoNotFitTheClip) {
  const LookedAt good = looked_at(48, 24, 8);
  const std::vector<PersonTrack> tracks{standing(0, 5)};
  const auto refused = [&](const auto& spoil) {
    LookedAt clip = good;
    spoil(clip);
    test::expect_error(ErrorKind::bug, [&] { possible_cuts(clip, tracks, {}); });
  };
  refused([](LookedAt& clip) { clip.looks_s.pop_back(); });
  refused([](LookedAt& clip) { clip.frame_of_look[2] = clip.frame_of_look[1]; });
  refused([](LookedAt& clip) { clip.frame_of_look.back() = 48; });
  refused([](LookedAt& clip) { clip.looks_s[3] = 0; });
  refused([](LookedAt& clip) { clip.looks_s[3] = std::nan(""); });
  test::expect_error(ErrorKind::bug, [&] { possible_cuts(good, {standing(0, 6)}, {}); });
  test::expect_error(ErrorKind::bug, [&] { possible_cuts(good, {PersonTrack{}}, {}); });
}

TEST(CutMode, HasItsNames) {
  for (const CutMode mode : {CutMode::trim, CutMode::crop, CutMode::off}) EXPECT_EQ(cut_mode_of(cut_mode_name(mode)), mode);
  EXPECT_FALSE(cut_mode_of("Trim"));
  EXPECT_FALSE(cut_mode_of(""));
}

}  // namespace
}  // namespace dreamrunner
