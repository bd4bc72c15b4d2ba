#include "plan/story_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error_of.h"

namespace dreamrunner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using test::error_of;

constexpr const char* kPlain =
    "Scene 1: the forest\nMotions: walking, waving\nNarration: The witch is walking. Then she is waving.\n\n"
    "Scene 2: the beach\nMotions: sitting\nNarration: The witch is sitting.\n";

/// The message for `text`; "" if it is read.
std::string fault_of(const std::string& text) {
  const auto error = error_of([&] { parse_story_script(text, "story.txt"); });
  if (!error) return "";
  EXPECT_EQ(error->kind(), ErrorKind::plan_refused);
  return error->what();
}

TEST(StoryScript, ReadsScenesMotionsAndNarration) {
  const StoryPlan story = parse_story_script(kPlain, "story.txt");
  ASSERT_EQ(story.scenes.size(), 2u);
  EXPECT_EQ(story.scenes[0].place, "the forest");
  EXPECT_THAT(story.scenes[0].motions, ElementsAre("walking", "waving"));
  EXPECT_EQ(story.scenes[0].narration, "The witch is walking. Then she is waving.");
  EXPECT_EQ(story.scenes[1].place, "the beach");
  EXPECT_EQ(fault_of(kPlain), "");
}

class Spelling : public testing::TestWithParam<const char*> {};

TEST_P(Spelling, IsTheSameStory) {
  const StoryScriptResult result = read_story_script(GetParam());
  ASSERT_THAT(result.faults, IsEmpty()) << result.faults.front().what;
  EXPECT_EQ(result.story, parse_story_script(kPlain, "plain"));
}

INSTANTIATE_TEST_SUITE_P(
    Script, Spelling,
    testing::Values(
        // The paper's listings: values below their labels, empty lines, a header, wrapped narration.
        "[Output]\nScene 1: the forest\n\nMotions:\n\nwalking, waving\n\nNarration:\n\nThe witch is walking.\nThen she is waving.\n\n"
        "Scene 2: the beach\n\nMotions:\n\nsitting\n\nNarration:\n\nThe witch is sitting.\n\n[Input] Teddy's one day\n",
        // Markdown, bullets, talk around it, a dot behind the motions.
        "Sure! Here is a story in two scenes:\n\n### **Scene 1: the forest**\n**Motions:** walking, waving.\n"
        "**Narration:** The witch is walking. Then she is waving.\n\n---\n\n### **Scene 2: the beach**\n**Motions:**\n- sitting\n"
        "**Narration:**\nThe witch is sitting.\n\nLet me know if you would like another!\n",
        "```\r\nScene 1 - the forest\r\nMotions:\r\n1. walking\r\n2. waving.\r\nNarration:\r\n\"The witch is walking. Then she is waving.\"\r\n"
        "scene 2. the beach\r\nmotion: sitting;\r\nNARRATION : The witch is sitting.\r\n```\r\n",
        "<think>Scene 1: no\nMotions: no</think>\nTitle: A day\n**Scene 1:** the forest\n*Motions*: [\"walking\", \"waving\"]\n"
        "*Narration*: The witch  is walking.\n  Then she is waving.\n**Scene 2**: *the beach*.\n*Motions*: sitting,\n*Narration*: The witch is sitting."));

TEST(StoryScript, APlaceMayHaveALabel) {
  const std::string rest = "\nMotions: none\nNarration: Quiet.\n";
  for (const char* scene : {"Scene 1\nPlace: the forest", "Scene 1:\n\n**Place:** the forest", "**Scene 1**\n- place : the forest.", "Scene 1\nPlace:\nthe forest", "Scene 1: Place: the forest"}) {
    EXPECT_EQ(parse_story_script(scene + rest, "s").scenes.at(0).place, "the forest") << scene;
  }
  EXPECT_EQ(parse_story_script("Scene 1: Place Royale" + rest, "s").scenes.at(0).place, "Place Royale");
  EXPECT_THAT(fault_of("Scene 1: the forest\nPlace: the beach" + rest), HasSubstr("story.txt:2:1: text that belongs to no label"));
  EXPECT_THAT(fault_of("Scene 1\nPlace:" + rest), HasSubstr("scene 1 has no place"));
}

TEST(StoryScript, NoMotionsIsSaidInWords) {
  const StoryPlan story = parse_story_script("Scene 1: the moon\nMotions: none\nNarration: It is quiet.", "s");
  EXPECT_THAT(story.scenes[0].motions, IsEmpty());
}

TEST(StoryScript, ListsEveryFaultWithItsPlace) {
  const std::string message = fault_of("Hello\nScene 1: forest\nMotions: walking\nMotions: running\nNarration: He walks.\nScene 3:\nMotions: sitting\nNarration: He sits.\n");
  EXPECT_THAT(message, HasSubstr("story.txt: 3 faults"));
  EXPECT_THAT(message, HasSubstr("story.txt:4:1: scene 1 has Motions: twice"));
  EXPECT_THAT(message, HasSubstr("story.txt:6:1: expected Scene 2 here"));
  EXPECT_THAT(message, HasSubstr("story.txt:6:1: scene 2 has no place"));
}

TEST(StoryScript, ATextThatEndsEarlyIsRefused) {
  const std::string whole = kPlain;
  EXPECT_THAT(fault_of(whole.substr(0, whole.rfind("The witch"))), HasSubstr("scene 2 has no narration; the text may have been cut off"));
  EXPECT_THAT(fault_of(whole.substr(0, whole.rfind("Narration"))), HasSubstr("scene 2 has no narration"));
  EXPECT_THAT(fault_of(whole.substr(0, whole.rfind("Motions"))), HasSubstr("scene 2 has no Motions:"));
  EXPECT_THAT(fault_of("<think>Scene 1: the forest"), HasSubstr("ends inside its reasoning"));
}

TEST(StoryScript, TextBetweenScenesIsNobodys) {
  EXPECT_THAT(fault_of("Scene 1: a\nMotions: walking\nNarration: He walks.\n\nMeanwhile.\nScene 2: b\nMotions: none\nNarration: Quiet.\n"),
              HasSubstr("story.txt:5:1: text that belongs to no label of scene 1"));
  EXPECT_THAT(fault_of("Scene 1: a\nIt is dark.\nMotions: none\nNarration: Quiet.\n"), HasSubstr("story.txt:2:1: text that belongs to no label"));
}

TEST(StoryScript, WhatIsNoScriptIsRefused) {
  EXPECT_EQ(fault_of(""), "story.txt:1:1: found no line such as \"Scene 1: the forest\"");
  EXPECT_THAT(fault_of("Once upon a time. Scene 1 shows a forest."), HasSubstr("found no line"));
  EXPECT_THAT(fault_of("Scene 1: a\x01\nMotions: none\nNarration: b\xff\n"), HasSubstr("control character"));
}

TEST(StoryScript, LimitsHold) {
  std::string many;
  for (int i = 1; i <= 1001; ++i) many += "Scene " + std::to_string(i) + ": a\nMotions: none\nNarration: b.\n";
  EXPECT_THAT(fault_of(many), HasSubstr("more scenes than 1000"));
  std::string motions = "Scene 1: a\nMotions: ";
  for (int i = 0; i < 65; ++i) motions += "walking, ";
  EXPECT_THAT(fault_of(motions + "\nNarration: b."), HasSubstr("more motions than 64"));
  EXPECT_THAT(fault_of("Scene 1: a\nMotions: none\nNarration: " + std::string(20000, 'x')), HasSubstr("16384"));
}

TEST(StoryScript, TellsAScriptFromAFramePlan) {
  EXPECT_TRUE(looks_like_story_script(kPlain));
  EXPECT_TRUE(looks_like_story_script("## Scene 1\nthe forest"));
  EXPECT_TRUE(looks_like_story_script(std::string("\ufeff") + kPlain)) << "some editors begin a file with a mark";
  EXPECT_FALSE(looks_like_story_script("Scene 1: x\nBackground: the forest\nFrame_1: []"));
  EXPECT_FALSE(looks_like_story_script("In scene 1 a witch walks."));
  EXPECT_FALSE(looks_like_story_script(""));
}

}  // namespace
}  // namespace dreamrunner
