#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "film/small_film.h"
#include "plan/load_plan.h"
#include "support/program_run.h"

namespace dreamrunner::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kStory =
    "Scene 1: the forest\nMotions: walking\nNarration: The witch is walking.\n\nScene 2: the beach\nMotions: sitting\nNarration: She is sitting.\n";

/// A film with a story, planned by the program.
class PlanCommand : public testing::Test {
 protected:
  void SetUp() override {
    write_text(film() / "film.toml", "story = \"story.txt\"\n[planner]\nkey_frames = 4\n[[character]]\nid = \"witch\"\nname = \"red witch\"\n");
    write_text(film() / "story.txt", kStory);
  }

  fs::path film() const { return folder_ / "film"; }
  fs::path plan_file() const { return film() / "plan/plan.json"; }
  ProgramResult plan(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"plan", film().string()});
    return run(more);
  }
  ProgramResult parse(const std::string& text) const {
    write_text(folder_ / "reply.txt", text);
    return run({"plan", "--parse", (folder_ / "reply.txt").string()});
  }

  TemporaryFolder folder_;
};

TEST_F(PlanCommand, PlansThenHasNothingToDo) {
  const ProgramResult first = plan();
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("plan/plan.json  scenes 1 to 2 planned"));
  EXPECT_THAT(plan().out, HasSubstr("is up to date"));
  EXPECT_THAT(plan({"--scene", "2"}).out, HasSubstr("scene 2 planned"));
  const ProgramResult json = plan({"--force", "--json"});
  EXPECT_EQ(json.events().back().at("event"), "planned");
  EXPECT_EQ(json.events().back().at("scenes"), Json({1, 2}));
}

TEST_F(PlanCommand, SaysThatAnEditIsKept) {
  plan();
  std::string text = read_bytes(plan_file());
  text.replace(text.find("is walking"), 10, "is strolling");
  write_text(plan_file(), text);
  const ProgramResult kept = plan();
  EXPECT_EQ(kept.code, 0);
  EXPECT_THAT(kept.out, HasSubstr("it was edited since it was planned; kept as it is, --force plans it anew"));
  EXPECT_EQ(read_bytes(plan_file()), text);
  EXPECT_EQ(plan({"--force"}).code, 0);
  EXPECT_NE(read_bytes(plan_file()), text);
}

TEST_F(PlanCommand, CheckFindsWhatCannotBeGenerated) {
  EXPECT_EQ(plan({"--check"}).code, 3) << "there is no plan yet";
  plan();
  const auto before = tree_of(film());
  EXPECT_EQ(plan({"--check"}).code, 0);

  std::string settings = read_bytes(film() / "film.toml");
  write_text(film() / "film.toml", settings + "token = \"[v1]\"\n");
  const ProgramResult lacking = plan({"--check"});
  EXPECT_EQ(lacking.code, 4) << "captions lack the token";
  EXPECT_THAT(lacking.out, HasSubstr("plan.json:"));
  EXPECT_THAT(lacking.out, HasSubstr("error: "));
  const ProgramResult json = plan({"--check", "--json"});
  EXPECT_EQ(json.code, 4);
  EXPECT_EQ(json.events().front().at("event"), "check");
  EXPECT_GE(json.events().front().at("errors").get<int>(), 1);
  write_text(film() / "film.toml", settings);
  EXPECT_EQ(tree_of(film()), before) << "checking writes nothing";

  EXPECT_EQ(run({"plan", "--check", plan_file().string()}).code, 0) << "a plan alone can be checked";
  EXPECT_EQ(plan({"--check", "--silence", "no-such-rule"}).code, 2);
}

TEST_F(PlanCommand, CheckKnowsLinesBehindAByteOrderMark) {
  plan();
  std::string text = read_bytes(plan_file());
  const size_t box = text.find("\"box\"");
  text.replace(text.find('[', box), text.find(']', box) - text.find('[', box) + 1, "[0.1, 0.1, 0.15, 0.15]");
  write_text(folder_ / "plain.json", text);
  write_text(folder_ / "marked.json", "\ufeff" + text);
  const std::string plain = run({"plan", "--check", (folder_ / "plain.json").string()}).out;
  std::string marked = run({"plan", "--check", (folder_ / "marked.json").string()}).out;
  EXPECT_THAT(plain, testing::ContainsRegex("plain.json:[0-9]+:/scenes/0/"));
  for (size_t at = marked.find("marked"); at != std::string::npos; at = marked.find("marked", at)) marked.replace(at, 6, "plain");
  EXPECT_EQ(marked, plain);
}

TEST_F(PlanCommand, CheckPrintsNothingThatATerminalObeys) {
  plan();
  std::string text = read_bytes(plan_file());
  for (size_t at = text.find("red witch"); at != std::string::npos; at = text.find("red witch", at + 4)) text.insert(at, "\u202e");
  write_text(plan_file(), text);
  const ProgramResult result = plan({"--check"});
  EXPECT_THAT(result.out, HasSubstr("unknown-words"));
  EXPECT_THAT(result.out, testing::Not(HasSubstr("\u202e")));
  EXPECT_THAT(result.out, HasSubstr("\\xe2\\x80\\xae"));
}

TEST_F(PlanCommand, PreviewDrawsThePlan) {
  const ProgramResult result = plan({"--preview"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(read_bytes(film() / "plan/preview.png"), testing::StartsWith("\x89PNG"));
  EXPECT_GT(fs::file_size(film() / "plan/preview.mp4"), 1000u);
}

TEST_F(PlanCommand, ParsePrintsAFramePlanAsAPlan) {
  const ProgramResult result = parse("Sure!\nBackground: the forest\nFrame_1: [[\"cat\", \"none\", \"a cat\"], [0, 0, 0.5, 1]]\nFrame_2: []\n");
  EXPECT_EQ(result.code, 0) << result.err;
  const Plan plan = plan_from_json(Json::parse(result.out), "out");
  EXPECT_EQ(plan.scenes.at(0).background, "the forest");
  EXPECT_EQ(plan.scenes.at(0).key_frames.size(), 2u);
}

TEST_F(PlanCommand, ParsePrintsAPlanInItsOneForm) {
  plan();
  const ProgramResult result = run({"plan", "--parse", plan_file().string()});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, read_bytes(plan_file()));
}

TEST_F(PlanCommand, ParsePrintsAStoryWithoutLayout) {
  const ProgramResult result = parse(kStory);
  EXPECT_EQ(result.code, 0) << result.err;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json.at("scenes").at(1).at("place"), "the beach");
  EXPECT_EQ(json.at("scenes").at(0).at("motions"), Json({"walking"}));
}

TEST_F(PlanCommand, ParseReadsWhatCheckReads) {
  plan();
  const ProgramResult marked = parse("\ufeff" + read_bytes(plan_file()));
  EXPECT_EQ(marked.code, 0) << marked.err;
  EXPECT_EQ(marked.out, read_bytes(plan_file()));
  EXPECT_THAT(parse(std::string("\xff\xfe{\0", 4)).err, HasSubstr("UTF-16"));
}

TEST_F(PlanCommand, ParseFindsKeyFramesUnderTheNameOfTheirScene) {
  const ProgramResult result = parse("Scene 2: the forest\n\n{\"background\": \"the forest\", \"key_frames\": [{\"regions\": []}]}\n");
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(plan_from_json(Json::parse(result.out), "out").scenes.at(0).background, "the forest");
}

TEST_F(PlanCommand, ParseSaysWhereAFaultIs) {
  ProgramResult result = parse("Background: b\nFrame_1: [[\"a\", \"b\", \"c\"], [0, 0, 2000, 1]]\n");
  EXPECT_EQ(result.code, 4);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("reply.txt:2:"));
  result = parse("Scene 1: a\nMotions: none\n");
  EXPECT_EQ(result.code, 4);
  EXPECT_THAT(result.err, HasSubstr("reply.txt:"));
  EXPECT_EQ(parse("{\"schema\": 1, \"scenes\": [").code, 4);
  EXPECT_EQ(parse("").code, 4);
  EXPECT_EQ(run({"plan", "--parse", (folder_ / "no.txt").string()}).code, 3);
}

TEST_F(PlanCommand, ATopicWithTheBuiltInPlannerIsCode2WithTheWaysOut) {
  write_text(film() / "film.toml", "topic = \"a day\"\n");
  const ProgramResult result = plan();
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("story.txt"));
  EXPECT_THAT(result.err, HasSubstr("kind = \"chat\""));
}

TEST_F(PlanCommand, MistakesAreCode2) {
  EXPECT_EQ(run({"plan"}).code, 2);
  EXPECT_EQ(plan({"--check", "--preview"}).code, 2);
  EXPECT_EQ(plan({"--check", "--force"}).code, 2);
  EXPECT_EQ(plan({"--parse", "x"}).code, 2);
  EXPECT_EQ(plan({"--scene", "9"}).code, 2);
  EXPECT_EQ(plan({"--scene", "0"}).code, 2);
  EXPECT_EQ(plan({"--silence", "nonsense"}).code, 2);
  EXPECT_FALSE(fs::exists(plan_file()));
  write_text(folder_ / "reply.txt", kStory);
  const std::string reply = (folder_ / "reply.txt").string();
  EXPECT_EQ(run({"plan", "--parse", reply, "--force"}).code, 2);
  EXPECT_EQ(run({"plan", "--parse", reply, "--scene", "3"}).code, 2);
  EXPECT_EQ(run({"plan", "--parse", reply, "--silence", "box-small"}).code, 2);
}

}  // namespace
}  // namespace dreamrunner::test
