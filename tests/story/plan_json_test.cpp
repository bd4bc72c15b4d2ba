#include "story/plan_json.h"

#include <clocale>
#include <functional>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "story/plan_rules.h"
#include "support/error_of.h"

namespace dreamrunner {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using test::error_of;

Plan sample_plan() {
  Plan plan;
  plan.title = "A \"quoted\" day";
  plan.characters = {{"witch", "[v1]", "girl witch"}, {"cat", "", "cat"}};
  Scene scene;
  scene.place = "Forest";
  scene.motions = {"walking", "waving"};
  scene.narration = "The witch walks.";
  scene.background = "the forest";
  scene.key_frames = {{{{"witch", "walking", "a [v1] girl witch is walking", {0.1, 0.05, 0.35, 0.95}}, {"cat", "none", "a cat", {-0.2, 0, 1.0 / 3, 1}}}}, {}};
  scene.seed = 9223372036854775807;
  plan.scenes = {scene, scene};
  plan.scenes[1].seed.reset();
  return plan;
}

/// The message for the sample plan after `change`; "" if it is accepted.
std::string message_after(const std::function<void(Json&)>& change) {
  Json json = plan_to_json(sample_plan());
  change(json);
  const auto error = error_of([&] { plan_from_json(json, "plan.json"); });
  if (!error) return "";
  EXPECT_EQ(error->kind(), ErrorKind::plan_refused);
  return error->what();
}

TEST(PlanJson, ReadsBackWhatItWrote) {
  const Plan plan = sample_plan();
  EXPECT_EQ(plan_from_json(plan_to_json(plan), "plan"), plan);
  EXPECT_EQ(parse_plan_json(format_plan_json(plan), "plan"), plan);
}

TEST(PlanJson, MotionsById) {
  Plan plan = sample_plan();
  EXPECT_THAT(format_plan_json(plan), testing::Not(HasSubstr("\"motions\": [\n    {"))) << "a plan without them stays as it was";
  EXPECT_THAT(format_plan_json(plan), testing::Not(HasSubstr("motion_id")));
  plan.motions = {{"walking", {"walking", "strolling to the left"}}, {"waving-hello", {"waving hello"}}};
  plan.scenes[0].key_frames[0].regions[1].motion_id = "waving-hello";
  const std::string text = format_plan_json(plan);
  EXPECT_THAT(text, HasSubstr(R"({"id": "walking", "phrases": ["walking", "strolling to the left"]})"));
  EXPECT_THAT(text, HasSubstr(R"("motion": "none", "motion_id": "waving-hello", "caption")"));
  EXPECT_LT(text.find("\"characters\""), text.find("\"phrases\""));
  EXPECT_EQ(parse_plan_json(text, "plan"), plan);
  EXPECT_EQ(format_plan_json(parse_plan_json(text, "plan")), text);
}

TEST(PlanJson, AMotionIsOneAndIsListed) {
  const auto with_motions = [](const char* motions, const char* motion_id) {
    return message_after([&](Json& json) {
      json["motions"] = Json::parse(motions);
      if (*motion_id) json["scenes"][0]["key_frames"][0]["regions"][0]["motion_id"] = motion_id;
    });
  };
  constexpr const char* kWalking = R"([{"id": "walking", "phrases": ["walking"]}])";
  EXPECT_EQ(with_motions(kWalking, "walking"), "");
  EXPECT_EQ(with_motions("[]", ""), "");
  EXPECT_THAT(with_motions(kWalking, "waving"), HasSubstr("/scenes/0/key_frames/0/regions/0/motion_id: is \"waving\", expected the id of one of the plan's motions"));
  EXPECT_THAT(with_motions(R"([{"id": "a", "phrases": ["x"]}, {"id": "a", "phrases": ["y"]}])", ""), HasSubstr("/motions/1/id: \"a\" is taken"));
  EXPECT_THAT(with_motions(R"([{"id": "a", "phrases": ["x y"]}, {"id": "b", "phrases": ["X  y"]}])", ""), HasSubstr("/motions/1/phrases/0: \"X  y\" is listed already"));
  EXPECT_THAT(with_motions(R"([{"id": "No Id", "phrases": ["x"]}])", ""), HasSubstr("/motions/0/id: is \"No Id\", expected 1 to 64 of a-z"));
  EXPECT_THAT(with_motions(R"([{"id": "a", "phrases": []}])", ""), HasSubstr("/motions/0/phrases: has 0 entries, expected 1 to 256"));
  EXPECT_THAT(with_motions(R"([{"id": "a"}])", ""), HasSubstr("/motions/0/phrases: missing"));
}

TEST(PlanJson, WritesAStableTextWithShortNumbersAndARegionALine) {
  const std::string text = format_plan_json(sample_plan());
  EXPECT_THAT(text, HasSubstr(R"({"character": "witch", "motion": "walking", "caption": "a [v1] girl witch is walking", "box": [0.1, 0.05, 0.35, 0.95]})"));
  EXPECT_EQ(format_plan_json(parse_plan_json(text, "plan")), text);
  const size_t schema = text.find("\"schema\": 1");
  EXPECT_LT(schema, text.find("\"title\""));
  EXPECT_LT(text.find("\"title\""), text.find("\"characters\""));
  EXPECT_LT(text.find("\"characters\""), text.find("\"scenes\""));
}

TEST(PlanJson, ReadsTheSmallestPlan) {
  const Plan plan = parse_plan_json(R"({"schema":1,"scenes":[{"background":"the sea","key_frames":[{"regions":[]}]}]})", "plan");
  ASSERT_EQ(plan.scenes.size(), 1u);
  EXPECT_EQ(plan.scenes[0].background, "the sea");
  EXPECT_TRUE(plan.scenes[0].key_frames[0].regions.empty());
  EXPECT_FALSE(plan.scenes[0].seed.has_value());
}

TEST(PlanJson, KeepsOverrunsAndWholeNumbers) {
  const Plan plan = parse_plan_json(
      R"({"schema":1,"scenes":[{"background":"b","key_frames":[{"regions":[{"caption":"c","box":[-1,0,2,1]}]}],"seed":0}]})", "plan");
  EXPECT_EQ(plan.scenes[0].key_frames[0].regions[0].box, (Box{-1, 0, 2, 1}));
  EXPECT_EQ(plan.scenes[0].seed, 0);
}

TEST(PlanJson, NamesEveryKindOfFaultByItsPointer) {
  const auto region = [](Json& json) -> Json& { return json["scenes"][0]["key_frames"][0]["regions"][0]; };
  const std::string kRegion = "/scenes/0/key_frames/0/regions/0";
  const struct {
    std::function<void(Json&)> change;
    std::string expected;
  } kCases[] = {
      {[](Json& j) { j.erase("schema"); }, "/schema: missing, expected 1"},
      {[](Json& j) { j["schema"] = 2; }, "/schema: is 2, this program reads 1"},
      {[](Json& j) { j["schema"] = "1"; }, "/schema: is string, expected 1"},
      {[](Json& j) { j["schema"] = 1.0; }, "/schema: is number, expected 1"},
      {[](Json& j) { j = Json::array(); }, "is array, expected an object"},
      {[](Json& j) { j["scenes"] = Json::array(); }, "/scenes: has 0 entries, expected 1 to 1000"},
      {[](Json& j) { j.erase("scenes"); }, "/scenes: missing"},
      {[](Json& j) { j["scenes"] = "none"; }, "/scenes: is string, expected a list"},
      {[](Json& j) { j["scenes"][1] = nullptr; }, "/scenes/1: is null, expected an object"},
      {[](Json& j) { j["titel"] = "x"; }, "/titel: unknown field, expected one of schema, title, characters, motions, scenes"},
      {[](Json& j) { j["a/b~"] = 1; }, "/a~1b~0: unknown field"},
      {[](Json& j) { j["title"] = 3; }, "/title: is number, expected text"},
      {[](Json& j) { j["title"] = "a\nb"; }, "/title: control character U+000A at byte 2"},
      {[](Json& j) { j["characters"][1]["id"] = "witch"; }, "/characters/1/id: \"witch\" is taken by an earlier character"},
      {[](Json& j) { j["characters"][0]["id"] = "../up"; }, "/characters/0/id: is \"../up\", expected 1 to 64 of a-z, 0-9, - and _"},
      {[](Json& j) { j["characters"][0]["id"] = "none"; }, "/characters/0/id: is \"none\""},
      {[](Json& j) { j["characters"][0]["id"] = "Witch"; }, "/characters/0/id: is \"Witch\""},
      {[](Json& j) { j["characters"][0].erase("name"); }, "/characters/0/name: missing"},
      {[](Json& j) { j["scenes"][0].erase("background"); }, "/scenes/0/background: missing"},
      {[](Json& j) { j["scenes"][0]["background"] = "  "; }, "/scenes/0/background: is empty, expected text"},
      {[](Json& j) { j["scenes"][0]["key_frames"] = Json::array(); }, "/scenes/0/key_frames: has 0 entries, expected 1 to 256"},
      {[](Json& j) { j["scenes"][0]["motions"] = Json::array({"walking", ""}); }, "/scenes/0/motions/1: is empty"},
      {[](Json& j) { j["scenes"][0]["seed"] = -1; }, "/scenes/0/seed: is -1, expected a whole number from 0"},
      {[](Json& j) { j["scenes"][0]["seed"] = 1.5; }, "/scenes/0/seed: is 1.5"},
      {[](Json& j) { j["scenes"][0]["seed"] = 9223372036854775808u; }, "/scenes/0/seed: is 9223372036854775808"},
      {[](Json& j) { j["scenes"][0]["key_frames"][1] = Json::object(); }, "/scenes/0/key_frames/1/regions: missing"},
      {[&](Json& j) { region(j)["caption"] = ""; }, kRegion + "/caption: is empty, expected text"},
      {[&](Json& j) { region(j).erase("box"); }, kRegion + "/box: missing"},
      {[&](Json& j) { region(j)["box"] = Json::array({0, 0, 1}); }, kRegion + "/box: box of \"witch\" is a list of 3, expected four numbers"},
      {[&](Json& j) { region(j)["box"] = {{"x", 0}, {"y", 0}, {"w", 1}, {"h", 1}}; }, kRegion + "/box: box of \"witch\" is of type object"},
      {[&](Json& j) { region(j)["box"][1] = "0.25"; }, kRegion + "/box/1: box of \"witch\" holds \"0.25\" of type string"},
      {[&](Json& j) { region(j)["box"] = {0.9, 0, 0.1, 1}; }, kRegion + "/box: box of \"witch\": left 0.9 is beyond right 0.1"},
      {[&](Json& j) { region(j)["box"] = {0, 0, 480, 720}; }, kRegion + "/box: box of \"witch\": right is 480, expected a fraction"},
      {[&](Json& j) { region(j)["box"][0] = std::nan(""); }, kRegion + "/box: box of \"witch\": left is not a finite number"},
      {[&](Json& j) {
         for (int i = 0; i < 64; ++i) j["scenes"][0]["key_frames"][0]["regions"].push_back(region(j));
       }, "/scenes/0/key_frames/0/regions: has 66 entries, expected 0 to 64"},
      {[&](Json& j) {
         Json& frames = j["scenes"][0]["key_frames"];
         const Json one = region(j);
         for (int i = 0; i < 255; ++i) {
           frames.push_back({{"regions", Json::array({one})}});
           frames.back()["regions"][0]["caption"] = fmt::format("caption {}", i);
         }
         frames.erase(1);
       }, "/scenes/0/key_frames: 257 distinct captions, expected at most 256"},
  };
  for (const auto& one : kCases) EXPECT_THAT(message_after(one.change), HasSubstr("plan.json: " + one.expected));
}

TEST(PlanJson, ListsAllFaultsWithTheirLines) {
  const auto error = error_of([] {
    parse_plan_json(R"({
  "schema": 1,
  "scenes": [
    {"background": "the sea",
     "key_frames": [
       {"regions": [{"character": "cat", "caption": "a cat", "box": [0.5, 0, 0.4, 1]},
                    {"character": "dog", "captoin": "a dog", "box": [0.5, 0, 0.4]}]}]},
    {"key_frames": [{"regions": []}]}
  ]
})", "p.json");
  });
  ASSERT_TRUE(error);
  EXPECT_STREQ(error->what(),
               "p.json: 5 faults\n"
               "  p.json:6: /scenes/0/key_frames/0/regions/0/box: box of \"cat\": left 0.5 is beyond right 0.4, expected [left, top, right, bottom]\n"
               "  p.json:7: /scenes/0/key_frames/0/regions/1/captoin: unknown field, expected one of character, motion, motion_id, caption, box\n"
               "  p.json:7: /scenes/0/key_frames/0/regions/1/caption: missing\n"
               "  p.json:7: /scenes/0/key_frames/0/regions/1/box: box of \"dog\" is a list of 3, expected four numbers [left, top, right, bottom]\n"
               "  p.json:8: /scenes/1/background: missing");
}

TEST(PlanJson, BadSyntaxDoubledNamesAndDepthAreRefusedPlans) {
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"{\"schema\": 1,\n \"schema\": 1}", "p:2:9: the name \"schema\" comes twice"},
           {std::string(65, '[') + std::string(65, ']'), "nested deeper than 64 levels"},
           {"{\"schema\": 1,\n}", "p:2:1: syntax error"},
           {"{\"title\": \"\xff\"}", "p:1:"},
           {std::string((8u << 20) + 1, ' '), "8388609 bytes of JSON"}}) {
    const auto error = error_of([&, input = text] { parse_plan_json(input, "p"); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::plan_refused);
    EXPECT_THAT(error->what(), HasSubstr(expected));
  }
}

// Field case P7: a reply that was cut off is refused with the scene it ends in, never read as a shorter film.
TEST(PlanJson, ACutFileSaysInsideWhichScene) {
  Plan plan = sample_plan();
  while (plan.scenes.size() < 6) plan.scenes.push_back(plan.scenes[1]);
  const std::string text = format_plan_json(plan);
  size_t scene = 0;
  for (int i = 0; i < 4; ++i) scene = text.find("\"place\"", scene + 1);
  const auto error = error_of([&] { parse_plan_json(text.substr(0, text.find("\"box\"", scene)), "p"); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), HasSubstr("the text ends inside scene 4"));
  const auto odd = error_of([] { parse_plan_json(R"({"scenes": {"first": [1)", "p"); });
  ASSERT_TRUE(odd);
  EXPECT_THAT(odd->what(), HasSubstr("the text ends inside /scenes/first"));
  // Wherever it is cut (but for the newline at its end) it is refused.
  for (size_t length = 0; length + 1 < text.size(); ++length) {
    EXPECT_TRUE(error_of([&] { parse_plan_json(text.substr(0, length), "p"); })) << length;
  }
}

TEST(PlanJson, TenThousandRandomPlansSurviveTheRoundTrip) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> edge(-2, 2);
  const auto text = [&] {
    const char* const kPieces[] = {"a", " ", "\"", "\\", "é", "猫", "/", "[v1]", "~", "'", "{", "0", "b"};
    std::string result = "t";
    for (uint64_t i = random() % 8; i > 0; --i) result += kPieces[random() % std::size(kPieces)];
    return result;
  };
  for (int round = 0; round < 10000; ++round) {
    Plan plan;
    plan.title = text();
    if (random() % 2) plan.characters.push_back({fmt::format("id-{}", random() % 9), text(), text()});
    for (uint64_t s = 1 + random() % 2; s > 0; --s) {
      Scene scene;
      scene.background = text();
      scene.narration = text();
      if (random() % 2) scene.motions.push_back(text());
      if (random() % 2) scene.seed = static_cast<int64_t>(random() >> 1);
      for (uint64_t f = 1 + random() % 3; f > 0; --f) {
        KeyFrame frame;
        for (uint64_t r = random() % 3; r > 0; --r) {
          double left = edge(random), right = edge(random), top = edge(random), bottom = edge(random);
          if (left > right) std::swap(left, right);
          if (top > bottom) std::swap(top, bottom);
          frame.regions.push_back({text(), text(), text(), {left, top, right, bottom}});
        }
        scene.key_frames.push_back(frame);
      }
      plan.scenes.push_back(scene);
    }
    const std::string written = format_plan_json(plan);
    const Plan read = parse_plan_json(written, "p");
    ASSERT_EQ(read, plan) << written;
    ASSERT_EQ(format_plan_json(read), written);
  }
}

}  // namespace
}  // namespace dreamrunner
