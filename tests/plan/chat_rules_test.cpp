#include "plan/chat_rules.h"

#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

const std::vector<Character> kCast{{"witch", "[v4]", "girl witch"}, {"cat", "[v6]", "cat"}, {"old-witch", "", "old grey witch"}, {"dog_2", "[v2]", "dog"}};

std::string named(const std::string& name) {
  const Character* character = character_named(name, kCast);
  return character ? character->id : "";
}

TEST(ChatRules, KnowCharactersByTheWordsOfIdOrName) {
  for (const char* name : {"witch", "Witch", "the witch", "girl witch", "Girl Witch", "A [v4] girl witch", "[v4] girl witch"}) EXPECT_EQ(named(name), "witch") << name;
  for (const char* name : {"cat", "Her cat", "[v6] cat"}) EXPECT_EQ(named(name), "cat") << name;
  for (const char* name : {"old-witch", "old witch", "old grey witch", "grey witch"}) EXPECT_EQ(named(name), "old-witch") << name;
  for (const char* name : {"dog", "dog_2", "dog 2"}) EXPECT_EQ(named(name), "dog_2") << name;
  for (const char* name : {"", "none", "the", "wizard", "catfish", "cat basket", "green witch", "[v4]"}) EXPECT_EQ(named(name), "") << name;
}

TEST(ChatRules, DoNotChooseBetweenTwoCharactersOfOneName) {
  const std::vector<Character> twins{{"a", "", "red knight"}, {"b", "", "blue knight"}};
  EXPECT_EQ(character_named("knight", twins), nullptr);
  EXPECT_EQ(character_named("blue knight", twins), &twins[1]);
}

TEST(ChatRules, PutTheTokenInFrontOfTheName) {
  const Character witch = kCast[0];
  const std::pair<const char*, const char*> cases[] = {
      {"a [v4] girl witch is walking", "a [v4] girl witch is walking"},
      {"a girl witch is walking", "a [v4] girl witch is walking"},
      {"The Girl Witch is walking", "The [v4] Girl Witch is walking"},
      {"The witch is walking", "The [v4] girl witch is walking"},
      {"the witch's cat sits by the witch", "the [v4] girl witch's cat sits by the witch"},
      {"A [v4] is walking", "A [v4] girl witch is walking"},
      {"She is walking", "[v4] girl witch, she is walking"},
      {"bewitched she walks", "[v4] girl witch, bewitched she walks"},
  };
  for (const auto& [caption, expected] : cases) EXPECT_EQ(caption_with_token(caption, witch), expected);
  for (const auto& [caption, expected] : cases) EXPECT_EQ(caption_with_token(expected, witch), expected) << "twice is once";
  EXPECT_EQ(caption_with_token("The old witch is walking", kCast[2]), "The old witch is walking") << "without a token nothing changes";
}

TEST(ChatRules, ATokenInsideAWordIsNoToken) {
  const Character witch{"witch", "sks", "girl witch"};
  EXPECT_EQ(caption_with_token("a girl witch with two masks", witch), "a sks girl witch with two masks");
  EXPECT_EQ(caption_with_token("She asks for masks", witch), "sks girl witch, she asks for masks");
  EXPECT_EQ(caption_with_token("among masks the sks is walking", witch), "among masks the sks girl witch is walking") << "the whole one is found";
}

TEST(ChatRules, LeaveRegionsOfOthersAlone) {
  PlanningTask task;
  task.characters = kCast;
  task.key_frames = 1;
  Scene scene;
  scene.background = "the forest";
  scene.key_frames = {{{{"Witch", "walking", "The witch is walking", {0, 0, 1, 1}}, {"broom", "none", "a broom of the girl witch", {0, 0, 1, 1}}}}};
  Faults faults;
  const Scene fitted = fit_scene(scene, task, {"forest", {"walking"}, "The witch is walking."}, faults);
  EXPECT_TRUE(faults.empty());
  EXPECT_EQ(fitted.place, "forest");
  EXPECT_EQ(fitted.key_frames[0].regions[0].character, "witch");
  EXPECT_EQ(fitted.key_frames[0].regions[0].caption, "The [v4] girl witch is walking");
  EXPECT_EQ(fitted.key_frames[0].regions[1], scene.key_frames[0].regions[1]);
}

}  // namespace
}  // namespace dreamrunner
