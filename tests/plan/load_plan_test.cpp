#include "plan/load_plan.h"

#include <cmath>
#include <fstream>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "plan/authors_jsonl.h"
#include "plan/plan_form.h"
#include "story/plan_json.h"
#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using test::error_of;

constexpr const char* kPlanText = "Background: the sea\nFrame_1: [[\"fish\", \"swimming\", \"a fish is swimming\"], [0.1, 0.2, 0.5, 0.6]]\nFrame_2: []\n";

class LoadPlan : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& bytes) {
    const auto path = folder_ / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  static std::string line(const std::string& plan) { return Json::array({"0001.mp4", "\"" + plan + "\""}).dump() + "\n"; }

  test::TemporaryFolder folder_;
};

TEST_F(LoadPlan, TellsTheThreeFormsApartByWhatTheyHold) {
  Plan expected;
  expected.scenes.resize(1);
  expected.scenes[0].background = "the sea";
  expected.scenes[0].key_frames = {{{{"fish", "swimming", "a fish is swimming", {0.1, 0.2, 0.5, 0.6}}}}, {}};
  std::string body = kPlanText;
  body.pop_back();
  body += "\nFrame_3: []";
  Plan three = expected;
  three.scenes[0].key_frames.emplace_back();

  EXPECT_EQ(load_plan(write("a", format_plan_json(expected))), expected);
  EXPECT_EQ(load_plan(write("a2", "\ufeff\r\n" + format_plan_json(expected))), expected);
  EXPECT_EQ(load_plan(write("b", kPlanText)), expected);
  EXPECT_EQ(load_plan(write("c", std::string("\n[Output]\n") + kPlanText)), expected);
  EXPECT_EQ(load_plan(write("d", line(body))), three);
  EXPECT_EQ(load_plan(write("e", "\ufeff" + line(body))), three);
}

TEST_F(LoadPlan, AnotherLinesFaultDoesNotStopAScene) {
  const auto path = write("plans.jsonl", line(kPlanText + std::string("Frame_3: []")) + "[1, 2]\n\n" + line("Background: b\nFrame_1: []"));
  EXPECT_EQ(load_scene(path, 1).key_frames.size(), 3u);
  EXPECT_EQ(load_scene(path, 4).background, "b");
  EXPECT_THAT(error_of([&] { load_scene(path, 2); })->what(), HasSubstr("plans.jsonl:2: found a list of 2, expected a list of two texts"));
  EXPECT_THAT(error_of([&] { load_scene(path, 3); })->what(), HasSubstr("plans.jsonl:3: is blank"));
  EXPECT_EQ(error_of([&] { load_plan(path); })->kind(), ErrorKind::plan_refused);
}

TEST_F(LoadPlan, FaultsInsideALineOfJsonHaveItsColumn) {
  const std::string bad = R"(["0001.mp4", "\"Background:b\u00e9 \ud83d\udc08\nFrame_1: [[\"cat\", \"none\", \"a cat\"], [0.9, 0, 0.1, 1]]\""])";
  const auto path = write("plans.jsonl", line("Background: b\nFrame_1: []") + bad + "\n");
  const size_t column = bad.find("[0.9") + 1;
  EXPECT_THAT(error_of([&] { load_plan(path); })->what(), HasSubstr(fmt::format("plans.jsonl:2:{}: Frame_1, region 1 \"cat\": box: left 0.9", column)));

  const auto broken = write("broken.jsonl", line("Background: b\nFrame_1: []") + "[\"0002.mp4\", \"cut");
  EXPECT_THAT(error_of([&] { load_scene(broken, 2); })->what(), HasSubstr("broken.jsonl:2:"));
  EXPECT_EQ(error_of([&] { load_scene(broken, 2); })->kind(), ErrorKind::plan_refused);
}

TEST_F(LoadPlan, ErrorsOfTextAndJsonNameTheFileAndThePlace) {
  const auto text = write("plan.txt", "Background: b\nFrame_1: [[a, b, c], [0, 0, 7, 1]]\n");
  EXPECT_THAT(error_of([&] { load_plan(text); })->what(), AllOf(HasSubstr((folder_ / "plan.txt").string() + ":2:22: "), HasSubstr("right is 7")));
  const auto json = write("plan.json", "{\n\"schema\": 1,\n\"scenes\": []\n}");
  EXPECT_THAT(error_of([&] { load_plan(json); })->what(), HasSubstr("plan.json:3: /scenes: has 0 entries"));
}

TEST_F(LoadPlan, FilesThatAreNoPlans) {
  EXPECT_EQ(error_of([&] { load_plan(folder_ / "nothing"); })->kind(), ErrorKind::input_file);
  EXPECT_EQ(error_of([&] { load_plan(folder_.path()); })->kind(), ErrorKind::input_file);
  EXPECT_THAT(error_of([&] { load_plan(write("empty", " \n")); })->what(), HasSubstr("is empty, expected a plan"));
  const auto large = write("large", std::string((8u << 20) + 1, '{'));
  EXPECT_THAT(error_of([&] { load_plan(large); })->what(), HasSubstr("8388609 bytes, expected a plan of at most 8388608"));
  EXPECT_EQ(error_of([&] { load_plan(large); })->kind(), ErrorKind::plan_refused);
  EXPECT_EQ(error_of([&] { load_plan(write("binary", std::string("\0\x01\xff\xfe", 4))); })->kind(), ErrorKind::plan_refused);
}

TEST_F(LoadPlan, Utf16IsNamed) {
  for (const std::string& bytes : {std::string("\xff\xfe{\0", 4), std::string("\xfe\xff\0{", 4)}) {
    const auto error = error_of([&] { load_plan(write("wide.json", bytes)); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::plan_refused);
    EXPECT_THAT(error->line(), HasSubstr("wide.json: is UTF-16, UTF-8 expected; save it as UTF-8"));
  }
}

TEST(PlanForm, IsToldByWhatATextHolds) {
  const auto kind = [](const std::string& text) {
    EXPECT_EQ(plan_form("\ufeff" + text).kind, plan_form(text).kind) << text;
    EXPECT_EQ(plan_form("\ufeff" + text).text, text);
    return plan_form(text).kind;
  };
  EXPECT_EQ(kind("{\"schema\": 1, \"scenes\": []}"), PlanFormKind::plan);
  EXPECT_EQ(kind("[\"0001.mp4\", \"x\"]"), PlanFormKind::authors_jsonl);
  EXPECT_EQ(kind("Scene 1: a\nMotions: none\nNarration: b."), PlanFormKind::story);
  EXPECT_EQ(kind("Sure: {\"scenes\": [{\"narration\": \"b\"}]}"), PlanFormKind::story);
  EXPECT_EQ(kind(kPlanText), PlanFormKind::scene);
  EXPECT_EQ(kind("{\"key_frames\": []}"), PlanFormKind::scene);
  EXPECT_EQ(kind("Scene 2: the forest\n{\"narration\": \"b\", \"key_frames\": []}"), PlanFormKind::scene) << "key frames under the name of their scene";
  EXPECT_TRUE(plan_form("\ufeff {").begins_with_brace);
  EXPECT_FALSE(plan_form("a {").begins_with_brace);
}

TEST_F(LoadPlan, SceneNumbersCountFromOne) {
  const auto path = write("plan.txt", kPlanText);
  EXPECT_EQ(load_scene(path, 1).background, "the sea");
  for (const size_t number : {size_t{0}, size_t{2}}) {
    const auto error = error_of([&] { load_scene(path, number); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::usage);
    EXPECT_THAT(error->line(), HasSubstr(fmt::format("scene {} was asked for, the file has 1 scene; scenes count from 1", number)));
  }
}

// The films under examples/ must load, and hold boxes that a person would draw.
TEST(ExamplePlans, AreSound) {
  const std::filesystem::path examples = std::filesystem::path(DREAMRUNNER_SOURCE_DIR) / "examples";
  int plans = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(examples)) {
    if (entry.path().filename() != "plan.json") continue;
    ++plans;
    const Plan plan = load_plan(entry.path());
    std::ifstream file(entry.path());
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(format_plan_json(plan), text) << entry.path() << " is not laid out as the program would write it";
    EXPECT_GE(plan.scenes.size(), 3u) << entry.path();
    for (const Scene& scene : plan.scenes) {
      std::map<std::string, Box> before;
      for (const KeyFrame& frame : scene.key_frames) {
        for (const PlannedRegion& region : frame.regions) {
          const Box& box = region.box;
          if (const auto earlier = before.find(region.character); earlier != before.end()) {
            EXPECT_LE(std::abs(box.left + box.right - earlier->second.left - earlier->second.right) / 2, 0.12) << region.caption << " jumps";
          }
          before[region.character] = box;
          EXPECT_GE(box.right - box.left, 0.2 - 1e-9) << region.caption;
          EXPECT_GE(box.bottom - box.top, 0.2 - 1e-9) << region.caption;
          EXPECT_GE(std::min(box.left, box.top), 0.0) << region.caption;
          EXPECT_LE(std::max(box.right, box.bottom), 1.0) << region.caption;
          EXPECT_THAT(region.caption, HasSubstr("is " + region.motion));
        }
      }
    }
  }
  EXPECT_GE(plans, 2);
}

}  // namespace
}  // namespace dreamrunner
