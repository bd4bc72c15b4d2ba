#include "film/plan_film.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "film/film_status.h"
#include "film/small_film.h"
#include "plan/layout_planner.h"
#include "plan/load_plan.h"
#include "support/error_of.h"

namespace dreamrunner::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kStory =
    "Scene 1: forest\nMotions: walking, waving\nNarration: The witch is walking. Then she is waving.\n\n"
    "Scene 2: beach\nMotions: sitting\nNarration: She is sitting.\n";
constexpr const char* kSettings =
    "title = \"A day\"\nstory = \"story.txt\"\n[model]\npath = \"../model\"\n[generate]\nsteps = 4\n[planner]\nkey_frames = 4\n"
    "[[character]]\nid = \"witch\"\ntoken = \"[v1]\"\nname = \"girl witch\"\n";

/// A film that has a story and no plan yet.
class StoryFilm : public SmallFilm {
 public:
  StoryFilm() {
    fs::remove_all(root() / "plan");
    write_text(root() / "film.toml", kSettings);
    write_text(root() / "story.txt", kStory);
  }

  PlanResult plan(std::optional<int> scene = std::nullopt, bool force = false) { return plan_film({root(), scene, force}, run); }
  PlanStanding standing() {
    const FilmFolder folder(root());
    return judge_plan(folder, load_film_settings(folder.settings_file()), Journal(folder.journal_file())).standing;
  }
  Plan read() const { return load_plan(root() / "plan/plan.json"); }
  std::string text() const { return read_bytes(root() / "plan/plan.json"); }
  /// What a person does with an editor.
  void edit(const std::string& name, const std::string& from, const std::string& to) const {
    std::string bytes = read_bytes(root() / name);
    ASSERT_NE(bytes.find(from), std::string::npos);
    bytes.replace(bytes.find(from), from.size(), to);
    write_text(root() / name, bytes);
  }
};

TEST(PlanFilm, PlansAStoryAndRecordsIt) {
  StoryFilm film;
  EXPECT_EQ(film.standing(), PlanStanding::missing);
  const PlanResult result = film.plan();
  EXPECT_THAT(result.planned, ElementsAre(1, 2));
  EXPECT_EQ(result.file, film / "plan/plan.json");
  EXPECT_EQ(film.standing(), PlanStanding::fresh);
  const Plan plan = film.read();
  EXPECT_EQ(plan.title, "A day");
  EXPECT_THAT(plan.characters, ElementsAre(Character{"witch", "[v1]", "girl witch"}));
  EXPECT_THAT(plan.motions, ElementsAre(Motion{"walking", {"walking"}}, Motion{"waving", {"waving"}}, Motion{"sitting", {"sitting"}}));
  EXPECT_EQ(plan.scenes[0].key_frames.size(), 4u);
  EXPECT_EQ(film.text(), format_plan_json(plan)) << "the plan is written in its one form";

  const auto before = tree_of(film.root());
  EXPECT_THAT(film.plan().planned, IsEmpty());
  EXPECT_EQ(tree_of(film.root()), before) << "nothing to do leaves nothing behind";
}

TEST(PlanFilm, WhatDecidesThePlanMakesItStale) {
  const std::vector<std::tuple<std::string, std::string, std::string, bool>> edits = {
      {"story.txt", "walking. Then", "walking to the left. Then", true}, {"film.toml", "key_frames = 4", "key_frames = 6", true},
      {"film.toml", "[v1]", "[v9]", true},        {"film.toml", "key_frames = 4", "key_frames = 4\nmax_motions = 3", true},
      {"film.toml", "A day", "Another day", false}, {"film.toml", "steps = 4", "steps = 5", false}};
  for (const auto& [file, from, to, stale] : edits) {
    StoryFilm film;
    film.plan();
    const std::string before = film.text();
    film.edit(file, from, to);
    EXPECT_EQ(film.standing(), stale ? PlanStanding::stale : PlanStanding::fresh) << to;
    EXPECT_EQ(film.plan().planned.empty(), !stale) << to;
    EXPECT_EQ(film.standing(), PlanStanding::fresh);
  }
}

TEST(PlanFilm, AHandEditIsKeptUntilItIsForced) {
  StoryFilm film;
  film.plan();
  const std::string planned = film.text();
  film.edit("plan/plan.json", "is waving", "is waving her hat");
  const std::string edited = film.text();
  film.edit("story.txt", "sitting", "dancing");
  EXPECT_EQ(film.standing(), PlanStanding::edited);
  for (const auto scene : {std::optional<int>(), std::optional(2)}) {
    const PlanResult result = film.plan(scene);
    EXPECT_THAT(result.planned, IsEmpty());
    EXPECT_TRUE(result.before.kept());
    EXPECT_EQ(film.text(), edited);
  }
  EXPECT_THAT(film.plan(std::nullopt, true).planned, ElementsAre(1, 2));
  EXPECT_NE(film.text(), edited);
  EXPECT_EQ(film.standing(), PlanStanding::fresh);
}

TEST(PlanFilm, OneSceneIsPlannedAgainAlone) {
  StoryFilm film;
  film.plan();
  const Plan before = film.read();
  film.edit("story.txt", "She is sitting", "She is sitting on the left");
  film.edit("story.txt", "is walking. Then", "is walking to the left. Then");
  EXPECT_THAT(film.plan(2).planned, ElementsAre(2));
  const Plan after = film.read();
  EXPECT_EQ(after.scenes[0], before.scenes[0]);
  EXPECT_EQ(after.scenes[1].narration, "She is sitting on the left.");
  EXPECT_EQ(film.standing(), PlanStanding::stale) << "scene 1 is still the old story's";
  EXPECT_THAT(film.plan().planned, ElementsAre(1, 2));
  film.edit("story.txt", "Scene 2: beach\nMotions: sitting\nNarration: She is sitting on the left.\n", "");
  EXPECT_THAT(error_of([&] { film.plan(1); })->what(), HasSubstr("the story has 1 scenes, the plan 2"));
}

TEST(PlanFilm, OneForcedSceneKeepsTheEditsOfOthers) {
  StoryFilm film;
  film.plan();
  film.edit("plan/plan.json", "is waving", "is waving her hat");
  film.edit("story.txt", "She is sitting", "She is sitting on the left");
  const Plan edited = film.read();
  EXPECT_THAT(film.plan(2, true).planned, ElementsAre(2));
  const Plan after = film.read();
  EXPECT_EQ(after.scenes[0], edited.scenes[0]);
  EXPECT_NE(after.scenes[1], edited.scenes[1]);
  EXPECT_EQ(film.standing(), PlanStanding::edited) << "it still holds a person's work";
  EXPECT_THROW(film.plan(3, true), Error);
  EXPECT_EQ(film.read(), after);
}

TEST(PlanFilm, APlanThatCameAlongIsTakenForTheStorys) {
  StoryFilm film;
  film.plan();
  fs::remove_all(film / ".dreamrunner");
  EXPECT_EQ(film.standing(), PlanStanding::fresh) << "the built-in planner would write the same";
  film.edit("plan/plan.json", "is waving", "is waving her hat");
  EXPECT_EQ(film.standing(), PlanStanding::unknown);
  EXPECT_THAT(film.plan().planned, IsEmpty());
}

TEST(PlanFilm, FaultsOfTheStoryNameItsFileAndLeaveThePlan) {
  StoryFilm film;
  film.plan();
  const auto before = tree_of(film.root());
  film.edit("story.txt", "Scene 2", "Scene 7");
  auto error = error_of([&] { film.plan(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::plan_refused);
  EXPECT_EQ(std::string(error->what()), (film / "story.txt").string() + ":5:1: expected Scene 2 here");
  EXPECT_EQ(film.text(), before.at("plan/plan.json"));

  film.edit("story.txt", "Scene 7", "Scene 2");
  film.edit("story.txt", "1: forest", "1: the witch");
  error = error_of([&] { film.plan(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(std::string(error->what()), (film / "story.txt").string() + ": scene 1: the place \"the witch\" is nothing without its characters");
  write_text(film / "story.txt", "  \n");
  error = error_of([&] { film.plan(); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), HasSubstr("story.txt: is empty"));
  fs::remove(film / "story.txt");
  EXPECT_EQ(error_of([&] { film.plan(); })->kind(), ErrorKind::input_file);
}

TEST(PlanFilm, WithNothingToPlanFromAHandWrittenPlanIsLeftAlone) {
  SmallFilm film;
  EXPECT_EQ(plan_film({film.root(), std::nullopt, false}, film.run).before.standing, PlanStanding::by_hand);
  EXPECT_EQ(error_of([&] { plan_film({film.root(), std::nullopt, true}, film.run); })->kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([&] { plan_film({film.root(), 1, false}, film.run); })->kind(), ErrorKind::usage);
  EXPECT_FALSE(fs::exists(film / ".dreamrunner"));
}

TEST(PlanFilm, ATopicNeedsALanguageModel) {
  StoryFilm film;
  film.edit("film.toml", "story = \"story.txt\"", "topic = \"a day\"");
  const auto error = error_of([&] { film.plan(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::usage);
  EXPECT_THAT(error->hint(), HasSubstr("chat"));
  EXPECT_FALSE(fs::exists(film / "plan/plan.json"));
  film.edit("film.toml", "topic =", "story = \"story.txt\"\ntopic =");
  EXPECT_THAT(error_of([&] { film.plan(); })->what(), HasSubstr("names a story and a topic"));
}

TEST(PlanFilm, AStoryIsTextInUtf8) {
  StoryFilm film;
  write_text(film / "story.txt", std::string("\ufeff") + kStory);
  EXPECT_THAT(film.plan().planned, ElementsAre(1, 2)) << "a mark in front of it is passed over";
  const std::string story = kStory;
  for (const std::string& bytes : {"\xff\xfe" + story, std::string("Scene 1: \xe9t\xe9"), story + std::string(1, '\0')}) {
    write_text(film / "story.txt", bytes);
    const auto error = error_of([&] { film.plan(); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::input_file);
    EXPECT_THAT(error->line(), testing::AllOf(HasSubstr((film / "story.txt").string()), HasSubstr("save it as UTF-8")));
  }
}

/// A planner that answers a topic, as a language model does.
class Storyteller final : public Planner {
 public:
  explicit Storyteller(int& asked) : asked_(asked) {}
  StoryPlan plan_story(const PlanningTask& task, RunContext&) override {
    ++asked_;
    return {{{"forest", {"walking"}, "The witch is walking: " + task.topic}, {"beach", {"waving"}, "She is waving."}}};
  }
  Scene plan_scene(const PlanningTask& task, const StoryPlan& story, size_t index, RunContext& run) override {
    ++scenes_asked;
    return make_layout_planner()->plan_scene(task, story, index, run);
  }

  static inline int scenes_asked = 0;

 private:
  int& asked_;
};

TEST(PlanFilm, ASceneThatTheStoryLacksIsRefusedBeforeOthersArePlanned) {
  StoryFilm film;
  film.edit("film.toml", "story = \"story.txt\"", "topic = \"a day\"");
  int asked = 0;
  Storyteller::scenes_asked = 0;
  const PlannerMaker maker = [&](const FilmFolder&, const FilmSettings&) { return std::make_unique<Storyteller>(asked); };
  for (const int scene : {0, -1}) {
    const auto error = error_of([&] { plan_film({film.root(), scene, false}, film.run, maker); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::usage);
    EXPECT_THAT(error->line(), HasSubstr("scenes count from 1"));
  }
  EXPECT_EQ(asked, 0) << "not even the story is asked for";
  EXPECT_FALSE(fs::exists(film / ".dreamrunner")) << "nothing is locked or written";
  const auto error = error_of([&] { plan_film({film.root(), 3, false}, film.run, maker); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::usage);
  EXPECT_THAT(error->what(), HasSubstr("scene 3: the story has scenes 1 to 2"));
  EXPECT_EQ(Storyteller::scenes_asked, 0);
}

TEST(PlanFilm, ASceneOfATopicIsPlannedFromThePlansOwnStory) {
  StoryFilm film;
  film.edit("film.toml", "story = \"story.txt\"", "topic = \"a day\"");
  int asked = 0;
  const PlannerMaker maker = [&](const FilmFolder&, const FilmSettings&) { return std::make_unique<Storyteller>(asked); };
  EXPECT_THAT(plan_film({film.root(), std::nullopt, false}, film.run, maker).planned, ElementsAre(1, 2));
  EXPECT_THAT(plan_film({film.root(), 2, false}, film.run, maker).planned, ElementsAre(2));
  EXPECT_EQ(asked, 1) << "the story is told once";
  EXPECT_EQ(film.standing(), PlanStanding::fresh);
}

TEST(PlanFilm, WhatIsWrongWithARepliesPlanIsToldWholeForAFilmWithAStory) {
  StoryFilm film;
  film.edit("film.toml", "[planner]\n", "[planner]\nkind = \"recorded\"\n");
  write_text(film / "plan/chat/scene-01-1.txt", "I cannot.");
  const auto error = error_of([&] { film.plan(); });
  EXPECT_EQ(error->kind(), ErrorKind::plan_refused) << error->what();
  EXPECT_THAT(error->what(), HasSubstr((film / "plan/chat/scene-01-1.txt").string()));
}

/// Plans as the built-in planner does, after something else happened.
class Interrupted final : public Planner {
 public:
  explicit Interrupted(std::function<void()> meanwhile) : meanwhile_(std::move(meanwhile)) {}
  StoryPlan plan_story(const PlanningTask& task, RunContext& run) override { return planner_->plan_story(task, run); }
  Scene plan_scene(const PlanningTask& task, const StoryPlan& story, size_t index, RunContext& run) override {
    if (index == 1) meanwhile_();
    return planner_->plan_scene(task, story, index, run);
  }

 private:
  std::function<void()> meanwhile_;
  std::unique_ptr<Planner> planner_ = make_layout_planner();
};

TEST(PlanFilm, AnEditMadeWhileItIsPlannedIsNotLost) {
  StoryFilm film;
  film.plan();
  film.edit("story.txt", "She is sitting", "She is sitting on the left");
  const PlannerMaker maker = [&](const FilmFolder&, const FilmSettings&) {
    return std::make_unique<Interrupted>([&] { film.edit("plan/plan.json", "is waving", "is waving her hat"); });
  };
  const PlanResult result = plan_film({film.root(), std::nullopt, false}, film.run, maker);
  EXPECT_THAT(result.planned, IsEmpty());
  EXPECT_THAT(film.text(), HasSubstr("is waving her hat"));
  EXPECT_EQ(film.standing(), PlanStanding::edited);
  EXPECT_THAT(read_bytes(film / "plan/plan.new.json"), testing::Not(HasSubstr("her hat")));
  EXPECT_EQ(load_plan(film / "plan/plan.new.json").scenes.size(), 2u);
  // The same where one scene is planned again, and where there was no plan when it began.
  EXPECT_THAT(plan_film({film.root(), 2, true}, film.run, [&](const FilmFolder&, const FilmSettings&) {
    return std::make_unique<Interrupted>([&] { film.edit("plan/plan.json", "her hat", "his hat"); });
  }).planned, IsEmpty());
  EXPECT_THAT(film.text(), HasSubstr("his hat"));
  fs::remove(film / "plan/plan.json");
  EXPECT_THAT(plan_film({film.root(), std::nullopt, false}, film.run, [&](const FilmFolder&, const FilmSettings&) {
    return std::make_unique<Interrupted>([&] { write_text(film / "plan/plan.json", "mine"); });
  }).planned, IsEmpty());
  EXPECT_EQ(film.text(), "mine");
}

TEST(PlanFilm, AKillBetweenThePlanAndItsRecordIsNoEdit) {
  StoryFilm film;
  film.plan();
  const std::string old_plan = film.text(), old_journal = read_bytes(film / ".dreamrunner/journal.jsonl");
  film.edit("story.txt", "She is sitting", "She is sitting on the left");
  film.plan();
  const std::string new_plan = film.text();
  ASSERT_NE(new_plan, old_plan);
  const std::string journal = read_bytes(film / ".dreamrunner/journal.jsonl");
  const std::string announced = journal.substr(0, journal.find('\n', old_journal.size()) + 1);
  ASSERT_LT(announced.size(), journal.size());
  // Killed after the new plan took its place: it is the story's.
  write_text(film / ".dreamrunner/journal.jsonl", announced);
  EXPECT_EQ(film.standing(), PlanStanding::fresh);
  // Killed before: the old plan is out of date, not edited, and is planned again.
  write_text(film / "plan/plan.json", old_plan);
  EXPECT_EQ(film.standing(), PlanStanding::stale);
  EXPECT_THAT(film.plan().planned, ElementsAre(1, 2));
  EXPECT_EQ(film.text(), new_plan);
}

TEST(PlanFilm, AStoppedRunLeavesTheOldPlan) {
  StoryFilm film;
  std::stop_source stop;
  stop.request_stop();
  film.run.stop = stop.get_token();
  EXPECT_EQ(error_of([&] { film.plan(); })->kind(), ErrorKind::interrupted);
  EXPECT_FALSE(fs::exists(film / "plan/plan.json"));
}

/// Keeps notes.
class Notes final : public Progress {
 public:
  void note(std::string_view message) override { notes.emplace_back(message); }
  std::vector<std::string> notes;
};

TEST(MakeFilm, PlansFirstAndRemakesOnlyScenesThatTheStoryChanged) {
  StoryFilm film;
  EXPECT_EQ(film.make().scenes.size(), 2u);
  EXPECT_TRUE(fs::exists(film / "film.mp4"));
  EXPECT_TRUE(film_status(film.root()).fresh());
  film.edit("story.txt", "Narration: She is sitting", "Narration: She is sitting on the right");
  EXPECT_FALSE(film_status(film.root()).fresh());
  const MakeResult again = film.make();
  EXPECT_TRUE(again.scenes[0].nothing());
  EXPECT_TRUE(again.scenes[1].denoised);
  EXPECT_TRUE(film_status(film.root()).fresh());
}

TEST(MakeFilm, KeepsAnEditedPlanAndSaysSo) {
  StoryFilm film;
  film.plan();
  film.edit("plan/plan.json", "is waving", "is waving her hat");
  film.edit("story.txt", "She is sitting", "She is sitting on the left");
  const std::string edited = film.text();
  Notes notes;
  film.run.progress = &notes;
  film.make();
  EXPECT_EQ(film.text(), edited);
  EXPECT_THAT(notes.notes, testing::Contains(HasSubstr("plan/plan.json: it was edited since it was planned; kept as it is")));
  EXPECT_EQ(film_status(film.root()).artefacts.front().verdict.reason, "it was edited since it was planned, kept");
}

}  // namespace
}  // namespace dreamrunner::test
