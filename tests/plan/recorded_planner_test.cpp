#include "plan/recorded_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "plan/chat_rules.h"
#include "plan/chat_support.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

using namespace test;
using testing::HasSubstr;

Scene replay(const std::filesystem::path& folder) {
  RunContext run;
  return make_recorded_planner(folder)->plan_scene(mermaid_task(), mermaid_story(), 0, run);
}

TEST(RecordedPlanner, ReadsTheBareTextOfAReply) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "scene-01-1.txt", mermaid_scene_text());
  const Scene scene = replay(folder.path());
  EXPECT_EQ(scene.key_frames.size(), 4u);
  EXPECT_EQ(scene.key_frames[0].regions[0].character, "mermaid");
  EXPECT_EQ(scene.key_frames[0].regions[0].caption, "A [v3] green mermaid is swimming");
}

TEST(RecordedPlanner, NamesTheReplyThatIsMissing) {
  const TemporaryFolder folder;
  const std::string line = expect_error(ErrorKind::input_file, [&] { replay(folder.path()); });
  EXPECT_THAT(line, HasSubstr((folder / "scene-01-1.json").string()));
  EXPECT_THAT(line, HasSubstr("scene-01-1.txt"));
}

TEST(RecordedPlanner, GoesOnToTheNextReplyAsTheChatDid) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "scene-01-1.txt", "I cannot.");
  const std::string line = expect_error(ErrorKind::plan_refused, [&] { replay(folder.path()); });
  EXPECT_THAT(line, HasSubstr("scene-01-1.txt")) << "what is wrong with the last reply is worth more than which one is missing";
  EXPECT_THAT(line, HasSubstr("found no Background: line"));
  write_file_atomic(folder / "scene-01-2.txt", mermaid_scene_text());
  EXPECT_EQ(replay(folder.path()).key_frames.size(), 4u);
}

TEST(RecordedPlanner, AMendedTextGoesBeforeTheRecordOfTheRefusedReply) {
  const TemporaryFolder folder;
  const Json refused = {{"schema", 1}, {"reply", parse_json(completion("I cannot."), "reply")}};
  for (int number = 1; number <= 4; ++number) write_file_atomic(folder / ("scene-01-" + std::to_string(number) + ".json"), refused.dump());
  write_file_atomic(folder / "scene-01-4.txt", "I cannot.");  // As the program leaves it.
  EXPECT_THAT(expect_error(ErrorKind::plan_refused, [&] { replay(folder.path()); }), HasSubstr("scene-01-4.txt"));
  write_file_atomic(folder / "scene-01-4.txt", mermaid_scene_text());
  EXPECT_EQ(replay(folder.path()).key_frames.size(), 4u);
}

TEST(RecordedPlanner, NeverUsesAReplyThatWasCut) {
  const TemporaryFolder folder;
  const Json reply = parse_json(completion(mermaid_scene_text(), "length"), "reply");
  write_file_atomic(folder / "scene-01-1.json", Json{{"schema", 1}, {"reply", reply}}.dump());
  EXPECT_THAT(expect_error(ErrorKind::plan_refused, [&] { replay(folder.path()); }), HasSubstr("finish_reason is \"length\""));
  write_file_atomic(folder / "scene-01-1.json", Json{{"schema", 1}, {"cut", "the reply is longer than 5 bytes"}, {"reply", "abc"}}.dump());
  EXPECT_THAT(expect_error(ErrorKind::plan_refused, [&] { replay(folder.path()); }), HasSubstr("longer than 5 bytes"));
}

TEST(RecordedPlanner, RefusesDamagedRecords) {
  const TemporaryFolder folder;
  for (const char* record : {"", "{", "[]", "5", R"({"schema":2})", R"({"schema":1})", R"({"schema":1,"reply":{}})", R"({"schema":1,"reply":{"choices":[7]}})"}) {
    SCOPED_TRACE(record);
    write_file_atomic(folder / "scene-01-1.json", record);
    EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { replay(folder.path()); }), HasSubstr("scene-01-1.json"));
  }
}

TEST(RecordedPlanner, PlansTheExampleThatShipsWithTheProgram) {
  const auto planner = make_recorded_planner(std::filesystem::path(DREAMRUNNER_SOURCE_DIR) / "examples/fox/chat");
  PlanningTask task;
  task.topic = "an orange fox who has never seen the sea";
  task.characters = {{"fox", "", "orange fox"}, {"bird", "", "white bird"}, {"mermaid", "", "green mermaid"}};
  task.key_frames = 8;
  task.max_motions = 4;
  NotedProgress progress;
  RunContext run{{}, &progress};
  const StoryPlan story = planner->plan_story(task, run);
  ASSERT_EQ(story.scenes.size(), 5u);
  for (size_t i = 0; i < story.scenes.size(); ++i) {
    const Scene scene = planner->plan_scene(task, story, i, run);
    EXPECT_EQ(scene.place, story.scenes[i].place);
    for (const KeyFrame& frame : scene.key_frames) {
      for (const PlannedRegion& region : frame.regions) {
        EXPECT_NE(character_named(region.character, task.characters), nullptr);
        EXPECT_THAT(story.scenes[i].motions, testing::Contains(region.motion));
        EXPECT_THAT(region.caption, HasSubstr(region.motion));
      }
    }
  }
  EXPECT_THAT(progress.notes, HasSubstr("the plan has 7 key frames, expected 8")) << "scene 3 was asked again";
}

}  // namespace
}  // namespace dreamrunner
