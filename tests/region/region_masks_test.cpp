#include "region/region_masks.h"

#include <fstream>
#include <map>
#include <numeric>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/json.h"
#include "plan/load_plan.h"
#include "support/error_of.h"
#include "support/shared_folder.h"

namespace dreamrunner {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using test::error_of;

PlannedRegion region(std::string caption, Box box, std::string character = "cat", std::string motion = "running") {
  return {std::move(character), std::move(motion), std::move(caption), box};
}

Scene scene_of(std::vector<KeyFrame> frames) {
  Scene scene;
  scene.background = "the forest";
  scene.key_frames = std::move(frames);
  return scene;
}

/// A mask of a grid one row high, as text: a line of '#' and '.' for each latent frame.
std::vector<std::string> rows(const std::vector<uint8_t>& mask, const TokenGrid& grid) {
  std::vector<std::string> lines;
  for (int64_t i = 0; i < grid.frames * grid.height; ++i) {
    std::string line;
    for (int64_t x = 0; x < grid.width; ++x) line += mask[static_cast<size_t>(i * grid.width + x)] ? '#' : '.';
    lines.push_back(line);
  }
  return lines;
}

int64_t count(const std::vector<uint8_t>& mask) { return std::accumulate(mask.begin(), mask.end(), int64_t{0}); }

TEST(RegionMasks, TheBackgroundIsLastAndIsWhatNoRegionCovers) {
  const TokenGrid grid{2, 2, 4};
  const auto masks = make_region_masks(scene_of({{{region("a", {0, 0, 0.5, 1}), region("b", {0.25, 0.5, 1, 1})}}}), grid);
  EXPECT_THAT(masks.captions, ElementsAre("a", "b", "the forest"));
  EXPECT_THAT(rows(masks.masks[0], grid), ElementsAre("##..", "##..", "##..", "##.."));
  EXPECT_THAT(rows(masks.masks[1], grid), ElementsAre("....", ".###", "....", ".###"));
  EXPECT_THAT(rows(masks.masks[2], grid), ElementsAre("..##", "....", "..##", "...."));
}

TEST(RegionMasks, OneCaptionIsOneConditionWithTheUnionOfItsBoxes) {
  const TokenGrid grid{2, 1, 4};
  const auto masks = make_region_masks(
      scene_of({{{region("b", {0, 0, 0.25, 1}), region("a", {0, 0, 0.5, 1}), region("b", {0.75, 0, 1, 1})}}, {{region("c", {0, 0, 1, 1}), region("a", {0.5, 0, 1, 1})}}}), grid);
  EXPECT_THAT(masks.captions, ElementsAre("b", "a", "c", "the forest"));
  EXPECT_THAT(rows(masks.masks[0], grid), ElementsAre("#..#", "...."));
  EXPECT_THAT(rows(masks.masks[1], grid), ElementsAre("##..", "..##"));
  EXPECT_THAT(rows(masks.masks[3], grid), ElementsAre("..#.", "...."));
}

TEST(RegionMasks, ACaptionLikeTheBackgroundStaysARegion) {
  const auto masks = make_region_masks(scene_of({{{region("the forest", {0, 0, 0.5, 1})}}}), {1, 1, 4});
  EXPECT_THAT(masks.captions, ElementsAre("the forest", "the forest"));
  EXPECT_EQ(count(masks.masks[0]), 2);
  EXPECT_EQ(count(masks.masks[1]), 2);
}

// Field case G3: 45 x 30 tokens of 720 x 480 pixels.
TEST(RegionMasks, EdgesRoundHalfToEven) {
  const TokenGrid grid{12, 30, 45};
  const auto masks = make_region_masks(scene_of({{{region("left", {0, 0, 0.5, 1}), region("right", {0.5, 0, 1, 1})}}}), grid);
  EXPECT_EQ(count(masks.masks[0]), 12 * 30 * 22) << "22.5 columns become 22";
  EXPECT_EQ(count(masks.masks[1]), 12 * 30 * 23) << "and the rest, without a gap";
  EXPECT_EQ(count(masks.masks[2]), 0);
  // 0.7 x 45 is 31.499999999999996 in doubles and goes down; 0.1 x 45 = 4.5 goes to 4, 0.3 x 45 = 13.5 to 14.
  const auto odd = make_region_masks(scene_of({{{region("a", {0.1, 0, 0.3, 1}), region("b", {0.3, 0, 0.7, 1})}}}), grid);
  EXPECT_EQ(count(odd.masks[0]), 12 * 30 * (14 - 4));
  EXPECT_EQ(count(odd.masks[1]), 12 * 30 * (31 - 14));
}

TEST(RegionMasks, SmallFullAndEmptyBoxes) {
  const TokenGrid grid{13, 30, 45};
  // Ten pixels of 720 x 480 are 0.625 of a token: one token where the rounding meets one, none where it does not.
  const Box at_zero{0, 0, 10.0 / 720, 10.0 / 480};
  const Box between{5.0 / 16 / 45 + 0.5 / 45, 0, 15.0 / 16 / 45 + 0.5 / 45, 1};
  const auto masks = make_region_masks(scene_of({{{region("ten", at_zero), region("slit", between), region("none", {0.5, 0.5, 0.5, 0.5}), region("full", {0, 0, 1, 1})}}}), grid);
  EXPECT_EQ(count(masks.masks[0]), 13);
  EXPECT_EQ(count(masks.masks[1]), 0);
  EXPECT_EQ(count(masks.masks[2]), 0);
  EXPECT_EQ(count(masks.masks[3]), grid.tokens());
  EXPECT_EQ(count(masks.masks[4]), 0) << "nothing is left for the background";
}

TEST(RegionMasks, TouchingBoxesNeverLeaveAGap) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> place(0, 1);
  for (int i = 0; i < 500; ++i) {
    const double x = i < 100 ? i / 100.0 : place(random);
    const double y = i < 100 ? (i % 20) / 20.0 : place(random);
    const TokenGrid grid{1, 1 + static_cast<int64_t>(random() % 40), 1 + static_cast<int64_t>(random() % 60)};
    const auto masks = make_region_masks(scene_of({{{region("a", {0, 0, x, y}), region("b", {x, 0, 1, y}), region("c", {0, y, x, 1}), region("d", {x, y, 1, 1})}}}), grid);
    EXPECT_EQ(count(masks.masks[0]) + count(masks.masks[1]) + count(masks.masks[2]) + count(masks.masks[3]), grid.tokens());
    EXPECT_EQ(count(masks.masks[4]), 0);
  }
}

TEST(RegionMasks, BoxesAreClippedToTheFrame) {
  const TokenGrid grid{1, 1, 10};
  const auto covers = [&](Box box) { return rows(make_region_masks(scene_of({{{region("a", box)}}}), grid).masks[0], grid)[0]; };
  EXPECT_EQ(covers({-0.2, 0, 0.3, 1}), "###.......");
  EXPECT_EQ(covers({0.8, -1, 1.3, 2}), "........##");
  EXPECT_EQ(covers({1.0, 0, 1.3, 1}), "..........") << "outside altogether: not there";
  EXPECT_EQ(covers({-0.5, 0, -0.1, 1}), "..........");
  EXPECT_EQ(covers({-2, -2, 2, 2}), "##########");
}

// Field case P1: a model's frames 1 to 3 are empty, then a box over the edge, one outside, one that fits.
TEST(RegionMasks, AFirstAppearanceInFrameFourOfSixBeginsAtTwelveOfTwentyFour) {
  const TokenGrid grid{24, 1, 8};
  const auto masks = make_region_masks(scene_of({{}, {}, {}, {{region("bird", {0.8, 0.5, 1.1, 0.9})}}, {{region("bird", {1.0, 0.5, 1.0, 0.5})}}, {{region("bird", {0, 0.4, 0.5, 1.0})}}}), grid);
  const auto lines = rows(masks.masks[0], grid);
  for (int k = 0; k < 24; ++k) {
    EXPECT_EQ(lines[static_cast<size_t>(k)], k < 12 ? "........" : k < 16 ? "......##" : k < 20 ? "........" : "####....") << k;
  }
}

TEST(RegionMasks, KeyFramesDivideTheLatentFramesEvenly) {
  const auto shown = [](int64_t frames, int keys) {
    std::vector<KeyFrame> list;
    for (int i = 0; i < keys; ++i) list.push_back({{region(fmt::format("{}", i), {0, 0, 1, 1})}});
    const auto masks = make_region_masks(scene_of(list), {frames, 1, 1});
    EXPECT_EQ(masks.captions.size(), static_cast<size_t>(keys) + 1) << "also key frames that are not shown";
    std::string text;
    for (int64_t k = 0; k < frames; ++k) {
      for (size_t n = 0; n < masks.masks.size(); ++n) {
        if (masks.masks[n][static_cast<size_t>(k)]) text += masks.captions[n];
      }
    }
    return text;
  };
  EXPECT_EQ(shown(12, 6), "001122334455") << "the authors' rule";
  EXPECT_EQ(shown(13, 6), "0001122334455");
  EXPECT_EQ(shown(8, 4), "00112233");
  EXPECT_EQ(shown(8, 8), "01234567");
  EXPECT_EQ(shown(4, 6), "0134");
  EXPECT_EQ(shown(5, 1), "00000");
}

TEST(RegionMasks, AnEmptyFrameAndASceneWithoutKeyFramesAreBackground) {
  const auto half = make_region_masks(scene_of({{{region("a", {0, 0, 1, 1})}}, {}}), {2, 1, 3});
  EXPECT_THAT(rows(half.masks[1], {2, 1, 3}), ElementsAre("...", "###"));
  const auto none = make_region_masks(scene_of({}), {2, 3, 4}, Interpolation::linear);
  EXPECT_THAT(none.captions, ElementsAre("the forest"));
  EXPECT_THAT(none.masks[0], Each(1));
  EXPECT_TRUE(none.actors.empty());
}

TEST(RegionMasks, LinearMovesARegionBetweenTheMiddlesOfKeyFrames) {
  const TokenGrid grid{8, 1, 16};
  // Middles of the two key frames: latent positions 2 and 6. Latent frames have theirs at k + 1/2.
  const Scene scene = scene_of({{{region("a", {0, 0, 0.25, 1})}}, {{region("a", {0.5, 0, 0.75, 1})}}});
  EXPECT_THAT(rows(make_region_masks(scene, grid, Interpolation::linear).masks[0], grid),
              ElementsAre("####............",   // 0.5: before the first middle, no extrapolation
                          "####............",   // 1.5
                          ".####...........",   // 2.5: 1/8 of the way of 8 columns
                          "...####.........",   // 3.5: 3/8
                          ".....####.......",   // 4.5
                          ".......####.....",   // 5.5
                          "........####....",   // 6.5: behind the last middle
                          "........####...."));
  EXPECT_THAT(rows(make_region_masks(scene, grid, Interpolation::repeat).masks[0], grid)[3], "####............");
}

TEST(RegionMasks, LinearWithAKeyFrameForEachLatentFrameIsRepeat) {
  std::mt19937 random(4);
  std::uniform_real_distribution<double> place(0, 0.5);
  for (int round = 0; round < 100; ++round) {
    std::vector<KeyFrame> frames(1 + random() % 9);
    for (KeyFrame& frame : frames) {
      for (uint64_t i = random() % 4; i > 0; --i) {
        const double x = place(random), y = place(random);
        frame.regions.push_back(region(random() % 2 ? "a" : "b", {x, y, x + place(random), y + place(random)}));
      }
    }
    const TokenGrid grid{static_cast<int64_t>(frames.size()), 7, 11};
    EXPECT_EQ(make_region_masks(scene_of(frames), grid, Interpolation::linear).masks, make_region_masks(scene_of(frames), grid).masks);
  }
}

TEST(RegionMasks, LinearLeavesAloneWhatANeighbourLacks) {
  const TokenGrid grid{4, 1, 8};
  // Another motion, caption or character is another thing: it appears where its own key frame is.
  for (const PlannedRegion& other : {region("b", {0.5, 0, 1, 1}), region("a", {0.5, 0, 1, 1}, "dog"), region("a", {0.5, 0, 1, 1}, "cat", "sitting")}) {
    const auto masks = make_region_masks(scene_of({{{region("a", {0, 0, 0.5, 1})}}, {{other}}}), grid, Interpolation::linear);
    const auto lines = rows(masks.masks[0], grid);
    EXPECT_EQ(lines[1], "####....");
    EXPECT_EQ(rows(masks.masks[masks.captions.size() - 1], grid)[2], "####....");
  }
}

TEST(RegionMasks, LinearPairsEqualRegionsInTheirOrder) {
  const TokenGrid grid{4, 1, 8};
  // Two of one kind: first with first, second with second, also where they cross in the plan's order of places.
  const auto masks = make_region_masks(scene_of({{{region("a", {0, 0, 0.125, 1}), region("a", {0.875, 0, 1, 1})}}, {{region("a", {0.5, 0, 0.625, 1}), region("a", {0.375, 0, 0.5, 1})}}}), grid, Interpolation::linear);
  EXPECT_EQ(rows(masks.masks[0], grid)[0], "#......#");
  EXPECT_EQ(rows(masks.masks[0], grid)[1], ".#....#.");
  EXPECT_EQ(rows(masks.masks[0], grid)[2], "...##...");
  // One of two goes on: the second is not interpolated.
  const auto fewer = make_region_masks(scene_of({{{region("a", {0, 0, 0.125, 1}), region("a", {0.875, 0, 1, 1})}}, {{region("a", {0.5, 0, 0.625, 1})}}}), grid, Interpolation::linear);
  EXPECT_EQ(rows(fewer.masks[0], grid)[1], ".#.....#");
  EXPECT_EQ(rows(fewer.masks[0], grid)[2], "...#....");
}

TEST(RegionMasks, ActorsAreToldApartByCharacterAndMotionNotByCaption) {
  const TokenGrid grid{2, 1, 4};
  const auto masks = make_region_masks(
      scene_of({{{region("they run", {0, 0, 0.25, 1}, "cat"), region("they run", {0.75, 0, 1, 1}, "dog"), region("a rock", {0.25, 0, 0.5, 1}, "none", "none")}},
                {{region("they rest", {0.25, 0, 0.5, 1}, "cat", "sitting"), region("still running", {0, 0, 0.25, 1}, "cat"), region("a tree", {0, 0, 1, 1}, "", "")}}}), grid);
  ASSERT_EQ(masks.actors.size(), 3u);
  EXPECT_EQ(masks.actors[0].character + "/" + masks.actors[0].motion, "cat/running");
  EXPECT_EQ(masks.actors[1].character + "/" + masks.actors[1].motion, "dog/running");
  EXPECT_EQ(masks.actors[2].character + "/" + masks.actors[2].motion, "cat/sitting");
  EXPECT_THAT(rows(masks.actors[0].mask, grid), ElementsAre("#...", "#..."));
  EXPECT_THAT(rows(masks.actors[1].mask, grid), ElementsAre("...#", "...."));
  EXPECT_THAT(rows(masks.actors[2].mask, grid), ElementsAre("....", ".#.."));
}

TEST(RegionMasks, GridsWithoutTokensOrBeyondReasonAreRefused) {
  for (const TokenGrid& grid : {TokenGrid{0, 1, 1}, TokenGrid{1, -1, 1}, TokenGrid{1, 1, 0}, TokenGrid{int64_t{1} << 40, int64_t{1} << 40, 1}, TokenGrid{257, 256, 256}}) {
    const auto error = error_of([&] { make_region_masks(scene_of({}), grid); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::usage);
  }
  EXPECT_EQ(interpolation_from_name("linear"), Interpolation::linear);
  EXPECT_EQ(interpolation_from_name("repeat"), Interpolation::repeat);
  EXPECT_EQ(error_of([] { interpolation_from_name("cubic"); })->kind(), ErrorKind::usage);
}

/// Digests as tools/golden/region_masks.py writes them.
std::string digest(const std::string& bytes) { return sha256_hex(bytes).substr(0, 16); }

TEST(RegionMasksGolden, AgreeWithAnIndependentReadingOfTheRulesOnAllReleasedPlans) {
  if (!test::has_shared_folder()) GTEST_SKIP() << "the released plans are not beside this checkout";
  const Json golden = read_json_file(std::filesystem::path(DREAMRUNNER_SOURCE_DIR) / "tests/golden/region_masks.json");
  std::map<std::string, Plan> files;
  int compared = 0;
  int moving = 0;
  for (const Json& expected : golden["plans"]) {
    const auto name = expected["file"].get<std::string>();
    if (!files.contains(name)) files[name] = load_plan(test::shared_folder() / "plans" / name);
    const auto line = expected["line"].get<size_t>();
    const Scene& scene = files[name].scenes.at(line - 1);
    for (const TokenGrid& grid : {TokenGrid{12, 30, 45}, TokenGrid{8, 6, 9}}) {
      for (const char* interpolation : {"repeat", "linear"}) {
        const RegionMasks masks = make_region_masks(scene, grid, interpolation_from_name(interpolation));
        std::string bytes, captions;
        for (const auto& mask : masks.masks) bytes.append(mask.begin(), mask.end());
        for (const std::string& caption : masks.captions) captions += caption + "\n";
        EXPECT_EQ(masks.captions.size(), expected["conditions"].get<size_t>()) << name << ":" << line;
        EXPECT_EQ(digest(captions), expected["captions"].get<std::string>()) << name << ":" << line;
        EXPECT_EQ(digest(bytes), expected[fmt::format("{}x{}x{} {}", grid.frames, grid.height, grid.width, interpolation)].get<std::string>())
            << name << ":" << line << " " << grid.frames << " latent frames, " << interpolation;
        ++compared;
      }
    }
    moving += expected["12x30x45 repeat"] != expected["12x30x45 linear"];
  }
  EXPECT_EQ(compared, 1200);
  EXPECT_GT(moving, 100) << "linear must differ from repeat where boxes move, or it is not tested";
  // The authors' slicing lets a negative edge count from the other side; we clip it. Nowhere else do the masks differ.
  EXPECT_EQ(golden["differ_from_authors"], Json::array({{{"file", "4_motion_binding.jsonl"}, {"line", 51}}, {{"file", "4_motion_binding.jsonl"}, {"line", 90}}}));
}

}  // namespace
}  // namespace dreamrunner
