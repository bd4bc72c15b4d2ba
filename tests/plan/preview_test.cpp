#include "plan/preview.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "media/contact_sheet.h"
#include "plan/preview_cast.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using testing::HasSubstr;
using testing::Not;

PlannedRegion region(const std::string& character, const std::string& motion, const std::string& caption, const Box& box) {
  return {character, motion, caption, box, ""};
}

Scene small_scene() {
  Scene scene;
  scene.place = "Forest";
  scene.narration = "The witch walks past the rock.";
  scene.background = "the forest";
  for (int i = 0; i < 4; ++i) {
    scene.key_frames.push_back({{region("witch", "walking", "a [v1] girl witch is walking", {0.25 * i, 0, 0.25 * i + 0.25, 1}),
                                 region("rock", "none", "a rock", {0.7, 0.7, 0.95, 1})}});
  }
  return scene;
}

Plan small_plan(size_t scenes = 2) {
  Plan plan;
  plan.title = "A walk";
  plan.characters = {{"witch", "[v1]", "girl witch"}};
  plan.scenes.assign(scenes, small_scene());
  return plan;
}

/// Plans at the edge of what is accepted.
std::vector<Plan> extreme_plans() {
  std::vector<Plan> plans;
  Plan nothing;
  nothing.scenes.push_back({"", {}, "", "b", {{}}, {}});
  plans.push_back(nothing);

  Plan crowded = small_plan(1);
  for (int i = 0; i < 60; ++i) {
    crowded.scenes[0].key_frames[0].regions.push_back(region(fmt::format("c{}", i), fmt::format("m{}", i), fmt::format("caption {}", i),
                                                             {0.01 * i, 0.01 * i, 0.01 * i + 0.3, 0.01 * i + 0.3}));
  }
  plans.push_back(crowded);

  Plan wordy = small_plan(1);
  std::string endless(16384, 'w');
  wordy.title = endless;
  wordy.scenes[0].place = wordy.scenes[0].narration = wordy.scenes[0].background = endless;
  wordy.scenes[0].key_frames[0].regions[0] = region(endless, endless, endless, {0, 0, 1, 1});
  wordy.scenes[0].key_frames[1].regions[0].caption = "\u9b54\u5973\u304c\u68ee\u3092\u6b69\u304f \U0001F980";
  plans.push_back(wordy);

  Plan odd = small_plan(1);
  odd.scenes[0].key_frames.resize(256, odd.scenes[0].key_frames[0]);
  odd.scenes[0].key_frames[7].regions = {
      region("", "none", "outside", {-2, -2, -1, -1}), region("none", "", "over the edge", {-1, 0.5, 2, 2}),
      region("", "", "empty", {0.5, 0.5, 0.5, 0.5}), region("", "", "tiny", {0.5, 0.5, 0.5 + 1e-9, 0.5 + 1e-9})};
  plans.push_back(odd);
  return plans;
}

size_t pixels_like(const Picture& picture, const Colour& colour) {
  size_t count = 0;
  for (size_t i = 0; i + 2 < picture.rgb.size(); i += 3) {
    const auto near = [&](size_t channel, double value) { return std::abs(picture.rgb[i + channel] - 255 * value) < 2; };
    count += near(0, colour.red) && near(1, colour.green) && near(2, colour.blue);
  }
  return count;
}

TEST(PlanPreview, IsTheSameEachTime) {
  EXPECT_EQ(draw_plan_preview(small_plan()), draw_plan_preview(small_plan()));
  EXPECT_EQ(plan_preview_text(small_plan()), plan_preview_text(small_plan()));
  const test::TemporaryFolder folder;
  PreviewOptions options;
  options.seconds = 1;
  write_plan_preview_video(folder.path() / "a.mp4", small_plan(), options);
  write_plan_preview_video(folder.path() / "b.mp4", small_plan(), options);
  EXPECT_EQ(read_file(folder.path() / "a.mp4", 1 << 24), read_file(folder.path() / "b.mp4", 1 << 24));
}

TEST(PlanPreview, ShowsEveryCharacterInAColourOfItsOwn) {
  Plan plan = small_plan(1);
  const Picture both = draw_plan_preview(plan);
  EXPECT_GT(pixels_like(both, sheet_colour(0)), 2000u) << "four boxes of the witch";
  EXPECT_GT(pixels_like(both, sheet_colour(1)), 1000u) << "four boxes of the rock";
  for (KeyFrame& frame : plan.scenes[0].key_frames) frame.regions.pop_back();
  EXPECT_EQ(pixels_like(draw_plan_preview(plan), sheet_colour(1)), 0u);
}

TEST(PlanPreview, GrowsWithTheScenesAndStopsWhereNobodyScrolls) {
  const Picture one = draw_plan_preview(small_plan(1));
  const Picture two = draw_plan_preview(small_plan(2));
  EXPECT_EQ(one.width, two.width);
  EXPECT_GT(two.height, one.height + 200);
  PreviewOptions options;
  options.most_scenes = 2;
  const Picture first_two = draw_plan_preview(small_plan(50), options);
  EXPECT_NEAR(first_two.height, two.height + 60, 1) << "with a line for what is left out";
  options.most_scenes = 1000;
  EXPECT_LE(draw_plan_preview(small_plan(300), options).height, 32767);
}

TEST(PlanPreview, DrawsPlansAtTheEdgeOfWhatIsAccepted) {
  const test::TemporaryFolder folder;
  PreviewOptions options;
  options.seconds = 0.5;
  for (const Plan& plan : extreme_plans()) {
    const Picture picture = draw_plan_preview(plan, options);
    EXPECT_GT(picture.width, 300);
    EXPECT_GT(picture.height, 200);
    EXPECT_EQ(picture.rgb.size(), size_t{3} * static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height));
    for (const bool linear : {false, true}) {
      options.linear = linear;
      EXPECT_EQ(write_plan_preview_video(folder.path() / "p.mp4", plan, options).frames, 4);
    }
    for (const int columns : {-5, 20, 80, 100000}) EXPECT_FALSE(plan_preview_text(plan, columns).empty());
  }
}

TEST(PlanPreview, FollowsTheShapeOfTheFilm) {
  PreviewOptions tall;
  tall.width = 480;
  tall.height = 720;
  EXPECT_GT(draw_plan_preview(small_plan(1), tall).height, draw_plan_preview(small_plan(1)).height);
  PreviewOptions line;
  line.width = 16384;
  line.height = 1;
  EXPECT_GT(draw_plan_preview(small_plan(1), line).height, 0);
}

TEST(PlanPreview, RefusesWhatIsNoPicture) {
  const auto refused = [](const PreviewOptions& options) {
    return test::expect_error(ErrorKind::usage, [&] { draw_plan_preview(small_plan(2), options); });
  };
  PreviewOptions options;
  options.first_scene = 2;
  EXPECT_THAT(refused(options), HasSubstr("scene 3 was asked for, the plan has 2"));
  options = {};
  options.width = 0;
  EXPECT_THAT(refused(options), HasSubstr("0 x 480"));
  options = {};
  options.most_scenes = 0;
  EXPECT_THAT(refused(options), HasSubstr("at least one"));
  options = {};
  options.seconds = 1e9;
  const test::TemporaryFolder folder;
  test::expect_error(ErrorKind::usage, [&] { write_plan_preview_video(folder.path() / "p.mp4", small_plan(), options); });
}

TEST(PlanPreview, TheVideoLastsAsLongAsItsScenes) {
  const test::TemporaryFolder folder;
  PreviewOptions options;
  options.seconds = 2;
  const WrittenVideo video = write_plan_preview_video(folder.path() / "p.mp4", small_plan(3), options);
  EXPECT_EQ(video.frames, 3 * 16);
  EXPECT_EQ(video.width % 2, 0);
  EXPECT_FALSE(video.padded_column || video.padded_line);
  options.first_scene = 1;
  options.most_scenes = 1;
  EXPECT_EQ(write_plan_preview_video(folder.path() / "p.mp4", small_plan(3), options).frames, 16);
}

TEST(PlanPreview, AVideoThatIsStoppedLeavesNothing) {
  const test::TemporaryFolder folder;
  std::stop_source stop;
  stop.request_stop();
  test::expect_error(ErrorKind::interrupted, [&] {
    write_plan_preview_video(folder.path() / "p.mp4", small_plan(), {}, {stop.get_token(), nullptr});
  });
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// Who is where when.

const preview::SeenRegion& of(const std::vector<preview::SeenRegion>& seen, const std::string& character) {
  const auto at =
      std::find_if(seen.begin(), seen.end(), [&](const preview::SeenRegion& one) { return one.region->character == character; });
  if (at == seen.end()) throw std::runtime_error(character + " is not to be seen");
  return *at;
}

TEST(PreviewMovement, RepeatStandsAndJumps) {
  const Scene scene = small_scene();
  const double expected[] = {0, 0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75};
  for (int i = 0; i < 8; ++i) EXPECT_EQ(of(preview::seen_at(scene, i, 8, false), "witch").box.left, expected[i]) << i;
}

/// Middles are at 1, 3, 5, 7 eighths; frames at 1/2, 3/2, ...: a quarter and three quarters of the way between middles.
TEST(PreviewMovement, LinearMovesBetweenTheMiddlesOfKeyFrames) {
  const Scene scene = small_scene();
  const double expected[] = {0, 0.0625, 0.1875, 0.3125, 0.4375, 0.5625, 0.6875, 0.75};
  for (int i = 0; i < 8; ++i) EXPECT_DOUBLE_EQ(of(preview::seen_at(scene, i, 8, true), "witch").box.left, expected[i]) << i;
}

TEST(PreviewMovement, WhoIsInOneOfTwoKeyFramesDoesNotMove) {
  Scene scene = small_scene();
  scene.key_frames[1].regions[0].motion = "running";
  EXPECT_EQ(of(preview::seen_at(scene, 1, 8, true), "witch").box.left, 0);
  EXPECT_EQ(of(preview::seen_at(scene, 2, 8, true), "witch").box.left, 0.25);
  EXPECT_EQ(of(preview::seen_at(scene, 1, 8, true), "rock").box.left, 0.7);
}

// Text.

TEST(PreviewText, DrawsBoxesAsLetters) {
  Plan plan = small_plan(1);
  plan.scenes[0].key_frames.resize(1);
  EXPECT_EQ(plan_preview_text(plan, 24),
            "A walk\n"
            "\n"
            "Scene 1: Forest\n"
            "The witch walks past the\n"
            "rock.\n"
            "1\n"
            "+----------------------+\n"
            "|WWWWWW                |\n"
            "|WwwwwW                |\n"
            "|WwwwwW                |\n"
            "|WwwwwW                |\n"
            "|WwwwwW                |\n"
            "|WwwwwW         RRRRRR |\n"
            "|WWWWWW         RRRRRR |\n"
            "+----------------------+\n"
            "W  witch, walking, frame\n"
            "   1: a [v1] girl witch\n"
            "   is walking\n"
            "R  rock, frame 1: a rock\n"
            "   background: the\n"
            "   forest\n");
}

TEST(PreviewText, KeepsToItsWidth) {
  Plan plan = small_plan(3);
  plan.scenes[1].key_frames.resize(8, plan.scenes[1].key_frames[0]);
  plan.scenes[2].key_frames.resize(13, plan.scenes[2].key_frames[0]);
  for (const int columns : {20, 37, 80, 132}) {
    std::istringstream lines(plan_preview_text(plan, columns));
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }), columns) << line;
  }
}

TEST(PreviewText, GivesEachCharacterALetterOfItsOwn) {
  Plan plan = small_plan(1);
  plan.characters = {{"cat", "", "cat"}, {"cow", "", "cow"}, {"42", "", "answer"}};
  const preview::Cast cast(plan);
  EXPECT_EQ(cast.letter(0), 'C');
  EXPECT_EQ(cast.letter(1), 'A');
  EXPECT_EQ(cast.letter(2), '4');
  EXPECT_EQ(cast.letter(cast.index_of(plan.scenes[0].key_frames[0].regions[0])), 'W');
}

TEST(PreviewText, SaysWhatIsLeftOut) {
  PreviewOptions options;
  options.most_scenes = 2;
  EXPECT_THAT(plan_preview_text(small_plan(5), 80, options), HasSubstr("... and 3 more scenes"));
  EXPECT_THAT(plan_preview_text(small_plan(2), 80, options), Not(HasSubstr("more scene")));
}

}  // namespace
}  // namespace dreamrunner
