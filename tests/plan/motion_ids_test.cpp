#include "plan/motion_ids.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/english_words.h"
#include "story/plan_json.h"
#include "story/plan_rules.h"
#include "story/priors.h"

namespace dreamrunner {
namespace {

using testing::ElementsAre;

TEST(EnglishWords, FormsOfAVerbShareAStem) {
  const std::vector<std::vector<std::string>> families = {
      {"walk", "walks", "walked", "walking"},      {"dance", "dances", "danced", "dancing"}, {"swim", "swims", "swam", "swimming"},
      {"fly", "flies", "flew", "flying"},          {"lie", "lies", "lying"},                 {"sit", "sits", "sat", "sitting"},
      {"run", "runs", "ran", "running"},           {"watch", "watches", "watching"},         {"go", "goes", "went", "going"},
      {"carry", "carries", "carried", "carrying"}, {"see", "sees", "seeing"},                {"fall", "falls", "fell", "falling"},
      {"rise", "rises", "rose", "rising"},         {"play", "plays", "played", "playing"},   {"hug", "hugs", "hugged", "hugging"},
      {"sing", "sings", "sang", "singing"},        {"dress", "dresses", "dressing"}, {"doze", "dozes", "dozed", "dozing"}, {"chase", "chases", "chased", "chasing"},         {"ride", "rides", "rode", "riding"}};
  std::vector<std::string> stems;
  for (const auto& family : families) {
    for (const std::string& form : family) EXPECT_EQ(verb_stem(form), verb_stem(family.front())) << form;
    stems.push_back(verb_stem(family.front()));
  }
  std::sort(stems.begin(), stems.end());
  EXPECT_EQ(std::unique(stems.begin(), stems.end()), stems.end()) << "different verbs have different stems";
}

TEST(EnglishWords, MakesTheProgressive) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"walk", "walking"},  {"walks", "walking"}, {"dances", "dancing"}, {"danced", "dancing"}, {"sits", "sitting"}, {"run", "running"},
      {"flies", "flying"},  {"lies", "lying"},    {"lie", "lying"},      {"sees", "seeing"},    {"swam", "swimming"}, {"jump", "jumping"},
      {"watches", "watching"}, {"plays", "playing"}, {"bowing", "bowing"}, {"wave", "waving"}, {"goes", "going"},
      // A single s or z behind a single vowel: the e is the verb's own.
      {"chases", "chasing"}, {"dozes", "dozing"}, {"rises", "rising"}, {"closes", "closing"}, {"poses", "posing"}, {"gazes", "gazing"}, {"uses", "using"},
      {"surprises", "surprising"}, {"chased", "chasing"}, {"dozed", "dozing"},
      {"dresses", "dressing"}, {"buzzes", "buzzing"}, {"raises", "raising"}, {"teases", "teasing"}, {"rinses", "rinsing"}, {"freezes", "freezing"}};
  for (const auto& [verb, expected] : cases) EXPECT_EQ(present_progressive(verb), expected);
}

TEST(EnglishWords, ArticlesFollowTheNoun) {
  EXPECT_EQ(with_article("red witch"), "a red witch");
  EXPECT_EQ(with_article("orange cat"), "an orange cat");
  EXPECT_EQ(with_article("[v2] orange cat"), "a [v2] orange cat");
  EXPECT_EQ(with_article("Teddy"), "Teddy");
  EXPECT_EQ(with_article("two friends"), "two friends");
}

TEST(EnglishWords, ArticlesFollowTheSound) {
  for (const char* noun : {"unicorn", "university", "uniformed guard", "used broom", "ukulele player", "ewe", "one-eyed cat"}) EXPECT_EQ(with_article(noun), std::string("a ") + noun);
  for (const char* noun : {"hour", "honest fox", "heir", "umbrella", "uninvited guest", "usher", "onion"}) EXPECT_EQ(with_article(noun), std::string("an ") + noun);
}

TEST(EnglishWords, KnowTheirPlaceInTheText) {
  const std::string text = "The witch\u2019s cat rock\u2019n\u2019rolls, [v1] too.";
  std::vector<std::string> found;
  for (const Word& word : words_of(text)) found.push_back(text.substr(word.begin, word.end - word.begin));
  EXPECT_THAT(found, ElementsAre("The", "witch\u2019s", "cat", "rock\u2019n\u2019rolls", "[v1]", "too"));
}

TEST(MotionIds, ComeFromTheVerbAndWhatItIsDoneTo) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"walking", "walking"},         {"Walks slowly to the left", "walking"}, {"stretching arms", "stretching-arms"}, {"waking up", "waking-up"},
      {"dozes", "dozing"}, {"chases the dog", "chasing-dog"},
      {"picking up a shell", "picking-up-shell"}, {"\u8dd1", "motion"}, {"", "motion"}};
  for (const auto& [phrase, id] : cases) {
    EXPECT_EQ(motion_id_of(phrase), id) << phrase;
    EXPECT_EQ(id_fault(motion_id_of(phrase)), std::nullopt) << phrase;
  }
  EXPECT_EQ(id_fault(motion_id_of(std::string(500, 'x'))), std::nullopt);
}

TEST(MotionIds, APhraseFindsItsMotion) {
  const std::vector<Motion> motions = {{"walking", {"walking"}}, {"picking-up", {"picking up"}}, {"picking", {"picking"}}, {"waving", {"greeting everybody"}}};
  const auto found = [&](const char* phrase) {
    const Motion* motion = find_motion(motions, phrase);
    return motion ? motion->id : "";
  };
  EXPECT_EQ(found("walking"), "walking");
  EXPECT_EQ(found("walks"), "walking");
  EXPECT_EQ(found("Walking  to the left"), "walking");
  EXPECT_EQ(found("slowly walking through high grass"), "");
  EXPECT_EQ(found("walking through high grass"), "walking");
  EXPECT_EQ(found("picks up a shell"), "picking-up");
  EXPECT_EQ(found("picking flowers"), "picking");
  EXPECT_EQ(found("Greeting everybody"), "waving") << "a listed phrase needs no likeness";
  EXPECT_EQ(found("running"), "");
  EXPECT_EQ(found("none"), "");
}

Plan plan_with(const std::vector<std::string>& motions) {
  Plan plan;
  plan.characters = {{"witch", "[v1]", "girl witch"}};
  Scene scene;
  scene.background = "the forest";
  scene.motions = motions;
  KeyFrame frame;
  for (const std::string& motion : motions) frame.regions.push_back({"witch", motion, "a witch is " + motion, {0, 0, 1, 1}, {}});
  scene.key_frames = {frame};
  plan.scenes = {scene};
  return plan;
}

TEST(MotionIds, CompletingAPlanGivesEveryRegionItsPriors) {
  Plan plan = plan_with({"walking", "walking to the left", "walks", "stretching arms", "none"});
  plan.scenes[0].key_frames[0].regions.push_back({"a stone", "none", "a stone", {0, 0, 1, 1}, {}});
  complete_motions(plan);
  ASSERT_EQ(plan.motions.size(), 2u);
  EXPECT_EQ(plan.motions[0].id, "walking");
  EXPECT_THAT(plan.motions[0].phrases, ElementsAre("walking", "walking to the left", "walks"));
  EXPECT_EQ(plan.motions[1].id, "stretching-arms");
  const auto& regions = plan.scenes[0].key_frames[0].regions;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(wanted_priors(plan, regions[static_cast<size_t>(i)]), (WantedPriors{"witch", "walking"}));
  EXPECT_EQ(wanted_priors(plan, regions[4]), (WantedPriors{"witch", ""})) << "nothing moves";
  EXPECT_EQ(wanted_priors(plan, regions[5]), (WantedPriors{"", ""})) << "a plain name is no character";

  const Plan once = plan;
  complete_motions(plan);
  EXPECT_EQ(plan, once) << "completing is done once";
  EXPECT_EQ(parse_plan_json(format_plan_json(plan), "p"), plan);
}

TEST(MotionIds, WhatAPersonListedHolds) {
  Plan plan = plan_with({"hiking", "walking"});
  plan.motions = {{"walking", {"hiking"}}};
  complete_motions(plan);
  EXPECT_THAT(plan.motions, ElementsAre(Motion{"walking", {"hiking", "walking"}}));
  EXPECT_EQ(wanted_priors(plan, plan.scenes[0].key_frames[0].regions[0]).motion, "walking");

  plan.motions = {{"strolling", {"sauntering"}}};
  plan.scenes[0].key_frames[0].regions[0].motion_id = "strolling";
  complete_motions(plan);
  EXPECT_EQ(wanted_priors(plan, plan.scenes[0].key_frames[0].regions[0]).motion, "strolling");
  EXPECT_EQ(wanted_priors(plan, plan.scenes[0].key_frames[0].regions[1]).motion, "walking");
}

TEST(MotionIds, NothingIsLookedUpInCaptions) {
  Plan plan = plan_with({"dancing"});
  plan.scenes[0].key_frames[0].regions[0].caption = "a witch is walking";
  complete_motions(plan);
  EXPECT_EQ(wanted_priors(plan, plan.scenes[0].key_frames[0].regions[0]).motion, "dancing");
  plan.scenes[0].key_frames[0].regions[0].motion = "none";
  EXPECT_EQ(wanted_priors(plan, plan.scenes[0].key_frames[0].regions[0]).motion, "");
}

TEST(MotionIds, TwoMotionsNeverShareAnId) {
  Plan plan = plan_with({"\u8dd1", "\u8df3", "walking"});
  complete_motions(plan);
  EXPECT_EQ(parse_plan_json(format_plan_json(plan), "p"), plan);
  EXPECT_EQ(plan.motions.size(), 3u);
}

}  // namespace
}  // namespace dreamrunner
