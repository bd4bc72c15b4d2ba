#include "plan/prompts.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "plan/chat_support.h"
#include "plan/reply_reader.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Prompts, FillPlaceholdersAndShowSections) {
  const PromptValues values{{"place", "the {{motion}} sea"}, {"motion", "swimming"}, {"empty", ""}};
  EXPECT_EQ(fill_prompt("In {{place}}: {{motion}}.", values, "p"), "In the {{motion}} sea: swimming.") << "values are no templates";
  EXPECT_EQ(fill_prompt("a\n{{#empty}}\nno {{place}}\n{{/empty}}\nb\n{{#motion}}\nyes\n{{/motion}}\n", values, "p"), "a\nb\nyes\n");
  EXPECT_EQ(fill_prompt("{{#motion}}in {{/motion}}line", values, "p"), "in line");
  const std::string json = R"({"a": {"b": {}}} {{ {{"c": 1}} }} {{Place}})";
  EXPECT_EQ(fill_prompt(json, values, "p"), json) << "other braces are text";
}

TEST(Prompts, NameTheLineOfAFault) {
  const PromptValues values{{"place", "sea"}, {"x", ""}};
  const auto line = [&](const char* text) { return expect_error(ErrorKind::input_file, [&] { fill_prompt(text, values, "p.txt"); }); };
  EXPECT_THAT(line("one\n{{plaec}}"), HasSubstr("p.txt:2: unknown placeholder plaec, expected one of place, x"));
  EXPECT_THAT(line("{{#x}}\n{{plaec}}{{/x}}"), HasSubstr("p.txt:2:")) << "in a hidden section too";
  EXPECT_THAT(line("\n\n{{#x}} never"), HasSubstr("p.txt:3: section x does not end"));
  EXPECT_THAT(line("{{/x}}"), HasSubstr("does not begin"));
  EXPECT_THAT(line("{{#x}}{{#place}}{{/place}}{{/x}}"), HasSubstr("begins inside section x"));
}

TEST(Prompts, TakeEachFileFromTheFirstFolderThatHasIt) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "again.txt", "Strict.\n[user]\nOnce more: {{faults}}");
  const std::vector<std::filesystem::path> folders{folder.path(), shipped_prompts()};
  const Prompt own = load_prompt(folders, "again.txt", {{"faults", "one\n[user]\ntwo"}, {"cut", ""}});
  EXPECT_EQ(own.system, "Strict.");
  EXPECT_EQ(own.user, "Once more: one\n[user]\ntwo") << "a value does not move the border";
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { load_prompt(folders, "sonnet.txt", {}); }), HasSubstr("sonnet.txt"));
  write_file_atomic(folder / "again.txt", "no mark");
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { load_prompt(folders, "again.txt", {}); }), HasSubstr("[user] is missing"));
}

TEST(Prompts, AreLookedForWhereTheFilmAndTheEnvironmentSayFirst) {
  ::unsetenv("DREAMRUNNER_PROMPTS");
  EXPECT_THAT(prompt_folders("/opt/bin"), ElementsAre("/opt/prompts", "/opt/share/dreamrunner/prompts"));
  const TemporaryFolder film, mine;
  write_file_atomic(film / "scene.txt", "[user]\n");
  write_file_atomic(mine / "again.txt", "[user]\n");
  ::setenv("DREAMRUNNER_PROMPTS", mine.path().c_str(), 1);
  EXPECT_THAT(prompt_folders("/opt/bin", film.path()), ElementsAre(film.path(), mine.path(), "/opt/prompts", "/opt/share/dreamrunner/prompts"));
  ::unsetenv("DREAMRUNNER_PROMPTS");
}

TEST(Prompts, AFolderThatIsNamedMustHoldSome) {
  ::unsetenv("DREAMRUNNER_PROMPTS");
  const TemporaryFolder folder;
  write_file_atomic(folder / "sceen.txt", "[user]\n");
  const auto refused = [&](const std::string& name) { return expect_error(ErrorKind::input_file, [&] { prompt_folders("/opt/bin", folder / name); }); };
  EXPECT_THAT(refused("no-such-folder"), HasSubstr("planner.prompts: " + (folder / "no-such-folder").string() + ": no such folder"));
  EXPECT_THAT(refused("sceen.txt"), HasSubstr("no such folder"));
  EXPECT_THAT(refused("."), HasSubstr("holds no prompt; name a folder that holds one or more of story.txt, "));
  ::setenv("DREAMRUNNER_PROMPTS", folder.path().c_str(), 1);
  EXPECT_THAT(expect_error(ErrorKind::input_file, [] { prompt_folders("/opt/bin"); }), HasSubstr("DREAMRUNNER_PROMPTS: "));
  ::unsetenv("DREAMRUNNER_PROMPTS");
}

TEST(Prompts, EachOfTheProgramsOwnIsEnoughForAFolder) {
  ::unsetenv("DREAMRUNNER_PROMPTS");
  int prompts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shipped_prompts())) {
    if (entry.path().extension() != ".txt") continue;
    ++prompts;
    const TemporaryFolder folder;
    std::filesystem::copy(entry.path(), folder / entry.path().filename().string());
    EXPECT_NO_THROW(prompt_folders("/opt/bin", folder.path())) << entry.path();
  }
  EXPECT_EQ(prompts, 5);
}

/// The worked example of a shipped prompt: from its first line to the end of the system message.
std::string example(const std::string& file, const char* form, const std::string& first) {
  PromptValues values;
  for (const char* name : {"topic", "story", "characters", "min_scenes", "max_scenes", "max_motions", "place", "motions", "narration", "key_frames", "number", "scenes"}) values[name] = "7";
  values["json"] = values["text"] = "";
  values[form] = "yes";
  const std::string system = load_prompt({shipped_prompts()}, file, values).system;
  const size_t begin = system.find("\n" + first);
  EXPECT_NE(begin, std::string::npos) << file << ' ' << form;
  return begin == std::string::npos ? "" : system.substr(begin);
}

TEST(Prompts, ExamplesAreAnswersThatTheProgramReads) {
  for (const char* file : {"story.txt", "story-several.txt"}) {
    const StoryPlan story = read_story_reply(example(file, "json", "{"), file);
    EXPECT_EQ(story.scenes.size(), 5u);
    EXPECT_EQ(read_story_reply(example(file, "text", "Scene 1:"), file), story) << "the same example in both forms";
  }
  for (const char* file : {"scene.txt", "scene-several.txt"}) {
    const Scene scene = read_scene_reply(example(file, "json", "{"), file);
    EXPECT_EQ(scene.key_frames.size(), 6u);
    EXPECT_EQ(read_scene_reply(example(file, "text", "Reasoning:"), file), scene) << "the same example in both forms";
  }
}

TEST(Prompts, ExamplesKeepTheRulesTheyShow) {
  for (const char* file : {"scene.txt", "scene-several.txt"}) {
    const Scene scene = read_scene_reply(example(file, "json", "{"), file);
    std::map<std::string, int> frames_of_motion;
    for (size_t i = 0; i < scene.key_frames.size(); ++i) {
      for (const PlannedRegion& region : scene.key_frames[i].regions) {
        EXPECT_GE(region.box.right - region.box.left, 0.2) << region.caption;
        EXPECT_GE(region.box.bottom - region.box.top, 0.2) << region.caption;
        EXPECT_THAT(scene.background, Not(HasSubstr(region.character)));
        if (region.motion == "none") continue;
        EXPECT_THAT(region.caption, HasSubstr(region.motion));
        ++frames_of_motion[region.motion];
        for (const PlannedRegion& before : i > 0 ? scene.key_frames[i - 1].regions : std::vector<PlannedRegion>{}) {
          if (before.character != region.character) continue;
          EXPECT_LE(std::abs(before.box.left - region.box.left), 0.2) << region.caption;
        }
      }
    }
    for (const auto& [motion, frames] : frames_of_motion) EXPECT_GE(frames, 2) << motion;
  }
}

}  // namespace
}  // namespace dreamrunner
