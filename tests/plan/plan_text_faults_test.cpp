#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/plan_text.h"
#include "support/error_of.h"

namespace dreamrunner {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using test::error_of;

/// The message for a text that must be refused.
std::string refusal(std::string_view text) {
  const auto error = error_of([&] { parse_plan_text(text, "p"); });
  EXPECT_TRUE(error) << text;
  if (!error) return "";
  EXPECT_EQ(error->kind(), ErrorKind::plan_refused);
  return error->what();
}

/// The same for one frame whose regions are `regions`.
std::string frame_refusal(const std::string& regions) { return refusal("Background: b\nFrame_1: " + regions + "\n"); }

TEST(PlanTextFaults, APlanNeedsItsParts) {
  EXPECT_THAT(refusal(""), HasSubstr("p:1:1: found no Background: line"));
  EXPECT_THAT(refusal("a story about a cat"), HasSubstr("found no Background: line"));
  EXPECT_THAT(refusal("Frame_1: [[a, b, c], [0, 0, 1, 1]]\n"), HasSubstr("found no Background: line"));
  EXPECT_THAT(refusal("hello\nBackground: b\n"), HasSubstr("p:2:1: no Frame_1: line follows"));
  EXPECT_THAT(refusal("Frame_1: [[a, b, c], [0, 0, 1, 1]]\nBackground: b\n"), HasSubstr("p:2:1: no Frame_1: line follows"));
  EXPECT_THAT(refusal("Background:\nFrame_1: []\n"), HasSubstr("p:1:12: Background: is empty"));
  EXPECT_THAT(refusal("Background: a\nand more\nFrame_1: []\n"), HasSubstr("p:2:1: found text between the Background: line and Frame_1:"));
}

TEST(PlanTextFaults, FramesCountFromOneWithoutAGap) {
  EXPECT_THAT(refusal("Background: b\nFrame_2: []\n"), HasSubstr("p:2:1: found Frame_2, expected Frame_1"));
  EXPECT_THAT(refusal("Background: b\nFrame_0: []\n"), HasSubstr("found Frame_0, expected Frame_1"));
  EXPECT_THAT(refusal("Background: b\nFrame_1: []\nFrame_1: []\n"), HasSubstr("p:3:1: found Frame_1, expected Frame_2"));
  EXPECT_THAT(refusal("Background: b\nFrame_1: []\nFrame_3: []\n"), HasSubstr("p:3:1: found Frame_3, expected Frame_2"));
  EXPECT_THAT(refusal("Background: b\nFrame_1: []\n...\nFrame_3: []\n"), HasSubstr("p:3:1: found text that is no frame"));
  EXPECT_THAT(refusal("Background: b\nFrame_1: []...\nFrame_2: []\n"), HasSubstr("ellipsis"));
  EXPECT_THAT(refusal("Background: b\nFrame_99999999999999999999: []\n"), HasSubstr("p:2:1: found Frame_99999999999999999999, expected Frame_1"));
}

TEST(PlanTextFaults, TwoPlansAreNotOne) {
  const std::string plan = "Background: b\nFrame_1: []\n";
  EXPECT_THAT(refusal(plan + plan), HasSubstr("p:3:1: a second plan begins here, the first is at 1:1"));
}

TEST(PlanTextFaults, TextBetweenFramesIsRefusedAndRemarksBehindThemMayHoldNoRegions) {
  EXPECT_THAT(refusal("Background: b\nFrame_1: []\nnow it moves\nFrame_2: []\n"), HasSubstr("p:3:1: found text that is no frame, and another line of the plan behind it; expected Frame_2:"));
  EXPECT_THAT(refusal("Background: b\nFrame_1: []\nFrame_2 [[a, b, c], [0, 0, 1, 1]]\n"), HasSubstr("found regions outside a frame, expected Frame_2:"));
  EXPECT_THAT(refusal("Background: b\nFrame_1: [[a, b, c], [0, 0, 1, 1]] it moves\n"), HasSubstr("p:2:36: Frame_1: found text behind the regions"));
}

TEST(PlanTextFaults, RegionsHaveThreeNamesAndFourNumbers) {
  EXPECT_THAT(frame_refusal("a cat"), StartsWith("p:2:10: Frame_1: expected [[entity, motion, caption], [left, top, right, bottom]]"));
  EXPECT_THAT(frame_refusal(R"(["a", "b", "c"], [0, 0, 1, 1])"), HasSubstr("p:2:11: Frame_1: found '\"a\", \"b\", \"c'"));
  EXPECT_THAT(frame_refusal("[[a, b], [0, 0, 1, 1]]"), HasSubstr("p:2:16: Frame_1: found '], [0, 0, 1,', expected a comma and the caption"));
  EXPECT_THAT(frame_refusal("[[a, b, c, d], [0, 0, 1, 1]]"), HasSubstr("expected the end of [entity, motion, caption]"));
  EXPECT_THAT(frame_refusal("[[a, , c], [0, 0, 1, 1]]"), HasSubstr("expected a name, found nothing"));
  EXPECT_THAT(frame_refusal(R"([["a", "", "c"], [0, 0, 1, 1]])"), HasSubstr("p:2:17: expected a name, found nothing"));
  EXPECT_THAT(frame_refusal("[[a, b, c] [0, 0, 1, 1]]"), HasSubstr("expected a comma and the box"));
  EXPECT_THAT(frame_refusal("[[a, b, c}, [0, 0, 1, 1]]"), HasSubstr("'}' inside a name"));
  EXPECT_THAT(frame_refusal("[{a, b, c], [0, 0, 1, 1]]"), HasSubstr("']' inside a name"));
  EXPECT_THAT(frame_refusal("[[a, b, c], [0, 0, 1]]"), HasSubstr("expected a comma and the next of the four numbers"));
  EXPECT_THAT(frame_refusal("[[a, b, c], [0, 0, 1, 1, 1]]"), HasSubstr("expected the end of a box of four numbers"));
  EXPECT_THAT(frame_refusal("[[a, b, c], [0, 0, 1, 1], 5]"), HasSubstr("expected the end of a region"));
  EXPECT_THAT(frame_refusal("[[a, b, c], {x: 0, y: 0, w: 1, h: 1}]"), HasSubstr("found \"x:\", expected a number of a box"));
  EXPECT_THAT(frame_refusal("[[a\x01, b, c], [0, 0, 1, 1]]"), HasSubstr("Frame_1, region 1: control character U+0001"));
  EXPECT_THAT(frame_refusal("[[a\xff, b, c], [0, 0, 1, 1]]"), HasSubstr("Frame_1, region 1: byte 2 is not UTF-8"));
}

// Field case P3: one box convention, and nothing else is guessed to be it.
TEST(PlanTextFaults, OtherBoxConventionsAreRefusedWithFrameAndName) {
  const auto box = [](const std::string& numbers) { return refusal("Background: b\nFrame_1: []\nFrame_2: [[\"cat\", \"none\", \"a cat\"], " + numbers + "]\n"); };
  EXPECT_THAT(box("[64, 128, 320, 512]"), HasSubstr("p:3:37: Frame_2, region 1 \"cat\": box: left is 64, expected a fraction"));
  EXPECT_THAT(box("[125, 250, 625, 1000]"), HasSubstr("Frame_2, region 1 \"cat\": box: left is 125"));
  EXPECT_THAT(box("[0.625, 1.0, 0.125, 0.25]"), HasSubstr("Frame_2, region 1 \"cat\": box: left 0.625 is beyond right 0.125"));
  EXPECT_THAT(box("[0.5, 0.5, 0.2, 0.2]"), HasSubstr("left 0.5 is beyond right 0.2")) << "x, y, w, h";
  EXPECT_THAT(box("[\"0.125\", \"0.25\", \"0.5\", \"1\"]"), HasSubstr("expected a number of a box"));
  EXPECT_THAT(box("[12.5%, 25%, 62.5%, 100%]"), HasSubstr("found \"12.5%\", expected a number"));
  EXPECT_THAT(box("{\"x\": 0.1, \"y\": 0.2, \"w\": 0.3, \"h\": 0.4}"), HasSubstr("p:3:38: found"));
  EXPECT_THAT(box("[nan, 0, 1, 1]"), HasSubstr("left is not a finite number"));
  EXPECT_THAT(box("[0, 0, inf, 1]"), HasSubstr("right is not a finite number"));
  EXPECT_THAT(box("[0, 0, 1e999, 1]"), HasSubstr("1e999 is out of range"));
  EXPECT_THAT(box("[0, 0, 0x1, 1]"), HasSubstr("found \"0x1\""));
  EXPECT_THAT(box("[0,5, 0,2, 0,9]"), HasSubstr("Frame_2")) << "decimal commas";
}

TEST(PlanTextFaults, AllBoxesAreCheckedInOneGo) {
  const std::string message = refusal("Background: b\nFrame_1: [[a, b, c], [0.9, 0, 0.1, 1]]\nFrame_2: [[a, b, c], [0, 0, 1, 1]], [[d, b, c], [0, 5, 1, 1]]\n");
  EXPECT_THAT(message, HasSubstr("p: 2 faults"));
  EXPECT_THAT(message, HasSubstr("p:2:22: Frame_1, region 1 \"a\""));
  EXPECT_THAT(message, HasSubstr("p:3:49: Frame_2, region 2 \"d\": box: top is 5"));
}

// Field case P5: marks that can be read in two ways are refused at their place, never shortened to what fits.
TEST(PlanTextFaults, AmbiguousQuotesAreRefusedWithTheirPosition) {
  EXPECT_THAT(frame_refusal(R"([["sign", "none", "a sign says "stop", in red"], [0, 0, 1, 1]])"), HasSubstr("p:2:41: a quotation mark"));
  EXPECT_THAT(frame_refusal(R"([["sign", "a sign says "stop", "go" and more"], [0, 0, 1, 1]])"), HasSubstr("p:2:33: a quotation mark"));
  EXPECT_THAT(frame_refusal(R"([["a" "b", "c", "d"], [0, 0, 1, 1]])"), HasSubstr("p:2:14: a quotation mark"));
  EXPECT_THAT(frame_refusal(R"([["pipe", "none", "a 5" pipe"], [0, 0, 1, 1]])"), HasSubstr("p:2:32: a quotation mark"));
  EXPECT_THAT(frame_refusal(R"([{"entity": "cat", "motion": "none", "caption": "a cat"}, [0, 0, 1, 1]])"), HasSubstr("p:2:19: a quotation mark"));
  EXPECT_THAT(frame_refusal(R"([['bowl', 'none', 'the dogs' bowl'], [0, 0, 1, 1]])"), HasSubstr("a quotation mark"));
  EXPECT_THAT(frame_refusal(R"([["cat”, "none", "a cat"], [0, 0, 1, 1]])"), HasSubstr("a quotation mark"));
  EXPECT_THAT(frame_refusal(R"([["cat, "none", "a cat"], [0, 0, 1, 1]])"), HasSubstr("a quotation mark"));
  EXPECT_THAT(frame_refusal(R"([[a "big" cat, none, a cat], [0, 0, 1, 1]])"), HasSubstr("'\"' inside a name"));
  EXPECT_THAT(frame_refusal(R"([["cat", "none", "a \x63at"], [0, 0, 1, 1]])"), HasSubstr("an escape that is not one of"));
  EXPECT_THAT(refusal("Background: b\nFrame_1: [[\"cat\", \"none\", \"a cat], [0, 0, 1, 1]]\nFrame_2: [[\"cat\", \"none\", \"a cat\"], [0, 0, 1, 1]]"),
              HasSubstr("p:2:27: a quotation mark that nothing closes"));
  EXPECT_THAT(frame_refusal(R"([[car, none, a car, at an angle], [0, 0, 1, 1]])"), HasSubstr("a caption that holds a comma needs quotation marks"));
}

// Field case P7: a reply cut at the token limit never becomes a shorter scene.
TEST(PlanTextFaults, ACutTextSaysInsideWhichFrame) {
  const std::string frames = "Frame_1: [[\"a\", \"b\", \"c\"], [0, 0, 1, 1]]\nFrame_2: []\nFrame_3: [{\"a\", \"b\", \"c\"}, [0, 0, 1, 1]]\n";
  const std::string whole = "Background: b\n" + frames + "Frame_4: [[\"a\", \"none\", \"a cat's bowl\"], [0.1, 0.2, 0.3, 0.4]], [[\"d\", \"e\", \"f\"], [0, 0, 1, 1]]";
  ASSERT_FALSE(error_of([&] { parse_plan_text(whole, "p"); }));
  const size_t fourth = whole.find("Frame_4:");
  const size_t first_region_ends = whole.find("]], [[\"d\"") + 2;
  for (size_t length = fourth + 8; length < whole.size(); ++length) {
    // Cut just behind a region the text is a whole plan: there is nothing to see.
    if (length == first_region_ends) continue;
    EXPECT_THAT(refusal(whole.substr(0, length)), HasSubstr("the text ends inside Frame_4")) << length;
  }
  for (size_t length = fourth + 1; length < fourth + 8; ++length) {
    EXPECT_THAT(refusal(whole.substr(0, length)), HasSubstr("the text ends inside the label of Frame_4")) << length;
  }
  EXPECT_THAT(refusal("Let me think. <think>Background: b\nFrame_1: []\n"), HasSubstr("the text ends inside its reasoning"));
  EXPECT_THAT(refusal("\"" + whole), HasSubstr("begins with a quotation mark and ends without one: it was cut off"));
}

TEST(PlanTextFaults, ColumnsCountCharacters) {
  EXPECT_THAT(refusal("Background: b\nFrame_1: [[\"猫é\", \"b\", \"c\"], [0, 0, 9, 1]]\n"), StartsWith("p:2:29: "));
}

TEST(PlanTextFaults, AbsurdCountsAreRefused) {
  std::string regions;
  for (int i = 0; i < 65; ++i) regions += "[[a, b, c], [0, 0, 1, 1]], ";
  EXPECT_THAT(frame_refusal(regions), HasSubstr("Frame_1: more regions than 64"));
  EXPECT_THAT(frame_refusal("[[a, b, " + std::string(20000, 'c') + "], [0, 0, 1, 1]]"), HasSubstr("20000 bytes long"));
  EXPECT_THAT(refusal(std::string((8u << 20) + 1, 'a')), HasSubstr("8388609 bytes"));
}

}  // namespace
}  // namespace dreamrunner
