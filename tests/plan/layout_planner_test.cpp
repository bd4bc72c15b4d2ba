#include "plan/layout_planner.h"

#include <chrono>
#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/layout_boxes.h"
#include "support/error_of.h"

namespace dreamrunner {
namespace {

using testing::HasSubstr;
using test::error_of;

PlanningTask task_for(const std::string& script, int key_frames = 6) {
  PlanningTask task;
  task.script = script;
  task.key_frames = key_frames;
  task.max_motions = 4;
  task.characters = {{"witch", "[v1]", "girl witch"}, {"cat", "", "orange cat"}};
  return task;
}

std::vector<Scene> planned(const PlanningTask& task) {
  RunContext run;
  const auto planner = make_layout_planner();
  const StoryPlan story = planner->plan_story(task, run);
  std::vector<Scene> scenes;
  for (size_t i = 0; i < story.scenes.size(); ++i) scenes.push_back(planner->plan_scene(task, story, i, run));
  return scenes;
}

Scene planned_scene(const std::string& narration, const std::string& motions, int key_frames = 6) {
  return planned(task_for("Scene 1: the forest\nMotions: " + motions + "\nNarration: " + narration, key_frames)).at(0);
}

const PlannedRegion& region_of(const Scene& scene, size_t frame, const std::string& who) {
  for (const PlannedRegion& region : scene.key_frames.at(frame).regions) {
    if (region.character == who) return region;
  }
  throw std::runtime_error(who + " is not there");
}

double centre(const PlannedRegion& region) { return (region.box.left + region.box.right) / 2; }

TEST(LayoutPlanner, PlansTheWholeOfAScene) {
  const Scene scene = planned_scene("The witch is walking through the forest. Then she is waving.", "walking, waving");
  EXPECT_EQ(scene.place, "the forest");
  EXPECT_EQ(scene.background, "the forest");
  EXPECT_EQ(scene.narration, "The witch is walking through the forest. Then she is waving.");
  ASSERT_EQ(scene.key_frames.size(), 6u);
  for (size_t frame = 0; frame < 6; ++frame) {
    const PlannedRegion& region = region_of(scene, frame, "witch");
    EXPECT_EQ(region.motion, frame < 3 ? "walking" : "waving");
    EXPECT_EQ(region.caption, frame < 3 ? "a [v1] girl witch is walking to the right" : "a [v1] girl witch is waving");
    const double step = frame == 0 ? 0.11 : centre(region) - centre(region_of(scene, frame - 1, "witch"));
    EXPECT_NEAR(step, frame < 3 ? 0.11 : 0, 0.011) << "who waves stands still";
  }
}

TEST(LayoutPlanner, WithoutATokenTheNameIsTheSubject) {
  const Scene scene = planned_scene("The cat is sitting.", "sitting");
  EXPECT_EQ(region_of(scene, 0, "cat").caption, "an orange cat is sitting");
}

TEST(LayoutPlanner, WhoDoesNothingIsThereAllTheSame) {
  const Scene scene = planned_scene("The witch is dancing. Then the cat is jumping.", "dancing, jumping");
  EXPECT_EQ(region_of(scene, 0, "cat").motion, "none");
  EXPECT_EQ(region_of(scene, 0, "cat").caption, "an orange cat");
  EXPECT_EQ(region_of(scene, 5, "cat").motion, "jumping");
  EXPECT_EQ(region_of(scene, 5, "witch").motion, "dancing") << "the dance goes on";
}

TEST(LayoutPlanner, RelationsDecideThePlaces) {
  const auto left_to_right = [](const Scene& scene) { return centre(region_of(scene, 0, "witch")) < centre(region_of(scene, 0, "cat")); };
  EXPECT_TRUE(left_to_right(planned_scene("The witch and the cat are sitting.", "sitting")));
  EXPECT_FALSE(left_to_right(planned_scene("The witch is sitting. The cat is sitting to the left of the witch.", "sitting")));
  EXPECT_FALSE(left_to_right(planned_scene("The witch is sitting, and on the left the cat is sitting.", "sitting")));
  EXPECT_FALSE(left_to_right(planned_scene("The witch is sitting on the right, the cat is sitting.", "sitting")));

  const Scene behind = planned_scene("The witch is waving. The cat is sitting behind the witch.", "waving, sitting");
  const Box& front = region_of(behind, 0, "witch").box;
  const Box& back = region_of(behind, 0, "cat").box;
  EXPECT_LT(back.left, front.right) << "they overlap";
  EXPECT_LT(back.bottom, front.bottom) << "farther off is higher";
  EXPECT_EQ(behind.key_frames[0].regions[0].character, "cat") << "who is behind is listed first";

  const Scene apart = planned_scene("The witch is waving beside the cat.", "waving");
  EXPECT_GE(region_of(apart, 0, "cat").box.left, region_of(apart, 0, "witch").box.right);
  EXPECT_LE(region_of(apart, 0, "cat").box.left - region_of(apart, 0, "witch").box.right, 0.1) << "near each other";
}

TEST(LayoutPlanner, WalkersGoWhereTheyAreTold) {
  const auto way = [](const Scene& scene, const std::string& who) { return centre(region_of(scene, 5, who)) - centre(region_of(scene, 0, who)); };
  EXPECT_LT(way(planned_scene("The witch is walking to the left.", "walking"), "witch"), -0.3);
  EXPECT_GT(way(planned_scene("The witch is walking to the right.", "walking"), "witch"), 0.3);
  const Scene meeting = planned_scene("The witch and the cat are running towards each other.", "running");
  EXPECT_GT(way(meeting, "witch"), 0.05);
  EXPECT_LT(way(meeting, "cat"), -0.05);
  EXPECT_EQ(region_of(meeting, 0, "cat").caption, "an orange cat is running to the left");
  const Scene visit = planned_scene("The witch is waving, and the cat comes walking to her.", "waving, walking");
  EXPECT_LT(way(visit, "cat"), -0.1);
  EXPECT_EQ(way(visit, "witch"), 0);
}

TEST(LayoutPlanner, WithoutADirectionScenesGoToAndFro) {
  const auto scenes = planned(task_for(
      "Scene 1: forest\nMotions: walking\nNarration: The witch is walking.\n\nScene 2: beach\nMotions: walking\nNarration: She is walking.\n"));
  EXPECT_THAT(region_of(scenes[0], 0, "witch").caption, HasSubstr("to the right"));
  EXPECT_THAT(region_of(scenes[1], 0, "witch").caption, HasSubstr("to the left"));
}

TEST(LayoutPlanner, BodiesHaveTheirOwnShapes) {
  const Scene scene = planned_scene("The witch and the cat are standing. Then the witch is lying.", "standing, lying");
  const auto height = [&](size_t frame, const char* who) { return region_of(scene, frame, who).box.bottom - region_of(scene, frame, who).box.top; };
  EXPECT_GT(height(0, "witch"), 1.5 * height(0, "cat"));
  EXPECT_LT(height(5, "witch"), 0.6 * height(0, "witch")) << "lying is flat";
}

TEST(LayoutPlanner, MorePhasesThanRoomAreSharedByEachAlone) {
  const Scene scene = planned_scene("The witch walks. Then the cat jumps. Then the witch waves. Then the cat sits.", "walking, jumping, waving, sitting");
  std::vector<std::string> witch, cat;
  for (size_t frame = 0; frame < 6; ++frame) {
    witch.push_back(region_of(scene, frame, "witch").motion);
    cat.push_back(region_of(scene, frame, "cat").motion);
  }
  EXPECT_THAT(witch, testing::ElementsAre("walking", "walking", "walking", "waving", "waving", "waving"));
  EXPECT_THAT(cat, testing::ElementsAre("jumping", "jumping", "jumping", "sitting", "sitting", "sitting"));
}

TEST(LayoutPlanner, WhatDoesNotFitIsRefusedWithAWayOut) {
  const auto refused = [](const std::string& narration, const std::string& motions, int key_frames) {
    return error_of([&] { planned_scene(narration, motions, key_frames); });
  };
  auto error = refused("The witch walks, waves and sits.", "walking, waving, sitting", 4);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::plan_refused);
  EXPECT_EQ(std::string(error->what()), "scene 1: girl witch does 3 things in a row, 4 key frames have room for 2");
  EXPECT_THAT(error->hint(), HasSubstr("key_frames"));
  EXPECT_FALSE(refused("The witch walks, waves and sits.", "walking, waving, sitting", 6));
  EXPECT_FALSE(refused("The witch walks.", "walking", 1));

  error = refused("A storm is coming.", "walking", 6);
  ASSERT_TRUE(error);
  EXPECT_EQ(std::string(error->what()), "scene 1: the narration names nobody who is walking");

  error = refused("The witch walks.", "walking, waving, sitting, dancing, jumping", 20);
  ASSERT_TRUE(error);
  EXPECT_EQ(std::string(error->what()), "scene 1: 5 motions, at most 4 expected");
  EXPECT_THAT(error->hint(), HasSubstr("max_motions"));
}

TEST(LayoutPlanner, ATopicAloneNamesTheTwoWaysOut) {
  PlanningTask task;
  task.topic = "the witch and her cat's one day";
  const auto error = error_of([&] { planned(task); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::usage);
  EXPECT_THAT(error->what(), HasSubstr("the witch and her cat's one day"));
  EXPECT_THAT(error->hint(), HasSubstr("story.txt"));
  EXPECT_THAT(error->hint(), HasSubstr("chat"));
}

TEST(LayoutPlanner, ASceneWithoutAnybodyIsItsBackground) {
  const Scene scene = planned_scene("Dawn breaks.", "none");
  EXPECT_EQ(scene.key_frames.size(), 6u);
  for (const KeyFrame& frame : scene.key_frames) EXPECT_TRUE(frame.regions.empty());
}

TEST(LayoutPlanner, MotionsInOtherFormsBecomeProgressive) {
  const Scene scene = planned_scene("The witch dances.", "dances happily");
  EXPECT_EQ(region_of(scene, 0, "witch").motion, "dancing happily");
  EXPECT_EQ(region_of(scene, 0, "witch").caption, "a [v1] girl witch is dancing happily");
}

TEST(LayoutPlanner, ACurlyApostropheStaysInItsMotion) {
  const Scene scene = planned_scene("The witch is dancing.", "rock\u2019n\u2019roll dancing");
  EXPECT_EQ(region_of(scene, 0, "witch").caption, "a [v1] girl witch is rock'n'rolling dancing");
}

TEST(LayoutPlanner, ATokenInsideANameIsNotTheToken) {
  PlanningTask task = task_for("Scene 1: the forest\nMotions: walking\nNarration: The witch is walking to the left.");
  task.characters = {{"witch", "sks", "masks witch"}};
  EXPECT_EQ(planned(task).at(0).key_frames[0].regions[0].caption, "a sks masks witch is walking to the left");
}

TEST(LayoutPlanner, BesideSomebodyIsNoLater) {
  const Scene scene = planned_scene("The witch is dancing next to the cat. The cat is sitting.", "dancing, sitting");
  EXPECT_EQ(region_of(scene, 0, "cat").motion, "sitting");
}

TEST(LayoutPlanner, AFilmOfAThousandScenesIsPlannedInSeconds) {
  std::string script;
  for (int i = 1; i <= 1000; ++i) {
    // Another somebody in each scene: nobody is told who there is, so that every scene is looked at.
    script += "Scene " + std::to_string(i) + ": the forest\nMotions: walking\nNarration: The brave knight" + std::to_string(i) + " is walking through the forest.\n\n";
  }
  PlanningTask task = task_for(script);
  task.characters.clear();
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<Scene> scenes = planned(task);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_EQ(region_of(scenes.at(999), 0, "knight1000").caption, "a brave knight1000 is walking to the left");
  EXPECT_LT(seconds, 20) << "it took minutes when each scene looked at all others; a second is usual";
}

std::string background(const std::string& place, const std::string& narration = "") {
  return background_of({place, {}, narration}, {{"witch", "[v1]", "girl witch"}, {"cat", "", "orange cat"}, {"dog", "", "dog"}});
}

TEST(Background, IsThePlaceWithoutAnybody) {
  EXPECT_EQ(background("forest"), "the forest");
  EXPECT_EQ(background("The Forest"), "the forest");
  EXPECT_EQ(background("Coral Reef"), "the coral reef");
  EXPECT_EQ(background("in a dark wood"), "a dark wood");
  EXPECT_EQ(background("Village at night"), "the village at night");
  EXPECT_EQ(background("The witch's house"), "the house");
  EXPECT_EQ(background("her kitchen"), "the kitchen");
  EXPECT_EQ(background("a room with the witch"), "a room");
  EXPECT_EQ(background("Paris", "She lives in Paris."), "Paris");
  EXPECT_EQ(background("the witch"), "");
  EXPECT_EQ(background("the old witch"), "");
  EXPECT_EQ(background("the witch and her cat"), "");
  EXPECT_EQ(background("!?"), "");
}

TEST(Background, KeepsANounThatSomebodyDescribes) {
  EXPECT_EQ(background("the old witch tower"), "the old witch tower");
  EXPECT_EQ(background("a hot dog stand"), "a hot dog stand");
  EXPECT_EQ(background("the dog park"), "the dog park");
  EXPECT_EQ(background("the dog racing track"), "the dog racing track");
  EXPECT_EQ(background("the lake, the old bridge and the dog house"), "the lake, the old bridge and the dog house");
}

TEST(Background, CutsOnlyWhatIsSomebody) {
  EXPECT_EQ(background("a room with the witch at night"), "a room at night");
  EXPECT_EQ(background("a room with the witch sleeping"), "a room");
  EXPECT_EQ(background("a room with the old witch and a table"), "a room and a table");
  EXPECT_EQ(background("the house where the witch sleeps"), "the house");
  EXPECT_EQ(background("the wood next to the witch"), "the wood");
  EXPECT_EQ(background("the witch in the forest"), "the forest");
  EXPECT_EQ(background("the lake and the [v1] witch"), "the lake");
  EXPECT_EQ(background("the [v1] forest"), "the forest");
  EXPECT_EQ(background("the lake, the witch's"), "the lake");
  EXPECT_EQ(background("the lake, the witch, the wood"), "the lake, the wood");
}

}  // namespace
}  // namespace dreamrunner
