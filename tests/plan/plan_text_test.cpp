#include "plan/plan_text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error_of.h"

namespace dreamrunner {
namespace {

using test::error_of;

/// What all spellings of the same small plan must give.
Scene hedgehog() {
  Scene scene;
  scene.background = "the orchard";
  scene.key_frames = {{{{"hedgehog", "rolling", "A hedgehog is rolling in the orchard", {0.1, 0.4, 0.5, 1.0}}, {"apple", "none", "a green apple", {0.7, 0.75, 0.95, 1.0}}}},
                      {{{"hedgehog", "rolling", "A hedgehog is rolling in the orchard", {0.25, 0.4, 0.65, 1.0}}}}};
  return scene;
}

Scene parsed(std::string_view text) {
  Scene scene;
  const auto error = error_of([&] { scene = parse_plan_text(text, "plan"); });
  EXPECT_FALSE(error) << (error ? error->what() : "") << "\n" << text;
  return scene;
}

/// One frame with one region whose list of names is `names`.
PlannedRegion region_of(const std::string& names) {
  const Scene scene = parsed("Background: b\nFrame_1: [" + names + ", [0, 0, 1, 1]]\n");
  if (scene.key_frames.size() != 1 || scene.key_frames[0].regions.size() != 1) {
    ADD_FAILURE() << names;
    return {};
  }
  return scene.key_frames[0].regions[0];
}

TEST(PlanText, ReadsBrackets) {
  EXPECT_EQ(parsed(R"(Background: the orchard
Frame_1: [["hedgehog", "rolling", "A hedgehog is rolling in the orchard"], [0.1, 0.4, 0.5, 1.0]], [["apple", "none", "a green apple"], [0.7, 0.75, 0.95, 1.0]]
Frame_2: [["hedgehog", "rolling", "A hedgehog is rolling in the orchard"], [0.25, 0.4, 0.65, 1.0]])"), hedgehog());
}

TEST(PlanText, ReadsBraces) {
  EXPECT_EQ(parsed(R"(Background: the orchard
Frame_1: [{"hedgehog", "rolling", "A hedgehog is rolling in the orchard"}, [0.1, 0.4, 0.5, 1.0]], [{"apple", "none", "a green apple"}, [0.7, 0.75, 0.95, 1.0]]
Frame_2: [{"hedgehog", "rolling", "A hedgehog is rolling in the orchard"}, [0.25, 0.4, 0.65, 1.0]]
)"), hedgehog());
}

TEST(PlanText, ReadsUnquotedNames) {
  EXPECT_EQ(parsed(R"(Background: the orchard
Frame_1: [[hedgehog, rolling, A hedgehog is rolling in the orchard], [0.1, 0.4, 0.5, 1.0]], [[apple, none, a green apple], [0.7, 0.75, 0.95, 1.0]]
Frame_2: [[hedgehog, rolling, A hedgehog is rolling in the orchard], [0.25, 0.4, 0.65, 1.0]])"), hedgehog());
}

TEST(PlanText, ReadsPythonSpellings) {
  EXPECT_EQ(parsed(R"(Background: 'the orchard'
Frame_1: [(('hedgehog', 'rolling', 'A hedgehog is rolling in the orchard'), (.1, .4, 0.50, 1.)), [['apple', None, 'a green apple',], [7e-1, 0.75, +0.95, 1,],],]
Frame_2: [[['hedgehog', 'rolling', 'A hedgehog is rolling in the orchard'], [0.25, 0.4, 0.65, 1]]])"), hedgehog());
}

TEST(PlanText, ReadsCurlyQuotes) {
  EXPECT_EQ(parsed("Background: “the orchard”\n"
                   "Frame_1: [[“hedgehog”, “rolling”, “A hedgehog is rolling in the orchard”], [0.1, 0.4, 0.5, 1.0]], [[‘apple’, ‘none’, ‘a green apple’], [0.7, 0.75, 0.95, 1.0]]\n"
                   "Frame_2: [[“hedgehog”, “rolling”, “A hedgehog is rolling in the orchard”], [0.25, 0.4, 0.65, 1.0]]"), hedgehog());
}

TEST(PlanText, ReadsListsThatWrapAnywhere) {
  EXPECT_EQ(parsed(R"(Background: the orchard
Frame_1: [{"hedgehog", "rolling", "A hedgehog is rolling in
 the orchard"}, [0.1, 0.4, 0.5,
1.0]], [{"apple",
"none", "a green apple"}, [0.7, 0.75,
0.95, 1.0]]
Frame_2: [{"hedgehog", "rolling", "A hedgehog is rolling in the
   orchard"}, [0.25, 0.4,
0.65, 1.0]]
)"), hedgehog());
}

TEST(PlanText, ReadsLiteralNewlinesAndEscapedQuotes) {
  const std::string frames =
      R"(Background: the orchard\nFrame_1: [["hedgehog", "rolling", "A hedgehog is rolling in\nthe orchard"], [0.1, 0.4, 0.5, 1.0]], [["apple", "none", "a green apple"], [0.7, 0.75, 0.95, 1.0]]\nFrame_2: [["hedgehog", "rolling", "A hedgehog is rolling in the orchard"], [0.25, 0.4, 0.65, 1.0]])";
  EXPECT_EQ(parsed(frames), hedgehog());
  std::string escaped;
  for (const char c : frames) escaped += c == '"' ? std::string("\\\"") : std::string(1, c);
  EXPECT_EQ(parsed(escaped), hedgehog());
  EXPECT_EQ(parsed('"' + frames + '"'), hedgehog());
  EXPECT_EQ(parsed("\n \"" + frames + "\"\n\n"), hedgehog());
}

TEST(PlanText, ReadsWindowsLinesAndAByteOrderMark) {
  std::string text = "\ufeffBackground: the orchard\r\nFrame_1: [[\"hedgehog\",\t\"rolling\",\r\n\"A hedgehog is rolling in\r\nthe orchard\"], [0.1, 0.4, 0.5, 1.0]],\r\n"
                     "[[\"apple\", \"none\", \"a green apple\"], [0.7, 0.75, 0.95, 1.0]]\r\nFrame_2: [[\"hedgehog\", \"rolling\", \"A hedgehog is rolling in the orchard\"], [0.25, 0.4, 0.65, 1.0]]\r\n";
  EXPECT_EQ(parsed(text), hedgehog());
}

TEST(PlanText, SkipsReasoningMarkdownAndRemarks) {
  EXPECT_EQ(parsed(R"(<think>Background: maybe a barn?
Frame_1: [[the draft, none, is not the plan], [0, 0, 1, 1]]</think>
[Output]

*Reasoning*
The motions are: rolling. In Frame_1 the hedgehog starts on the left.
Background: should be calm.

**Plan**
```text
**Background:** the orchard
**Frame_1:** `[["hedgehog", "rolling", "A hedgehog is rolling in the orchard"], [0.1, 0.4, 0.5, 1.0]], [["apple", "none", "a green apple"], [0.7, 0.75, 0.95, 1.0]]`.

---
### Frame 2: [  // it moves to the right
  [["hedgehog", "rolling", "A hedgehog is rolling in the orchard"], [0.25, 0.4, 0.65, 1.0]]  # still rolling
]
```

This plan keeps the apple in its place. Frame 2 has one region.
)"), hedgehog());
}

TEST(PlanText, AHeadingIsNoRemarkWhateverStandsBeforeIt) {
  for (const char* before : {"\r", "\u00a0", " \t", "\\t", "`"}) {
    EXPECT_EQ(parsed(std::string("Background: b\n") + before + "### Frame_1: []\n" + before + "### Frame_2: []\n").key_frames.size(), 2u);
  }
}

TEST(PlanText, EmptyFramesAreLegal) {
  const Scene scene = parsed("Background: b\nFrame_1:\nFrame_2: []\nFrame_3: [[a, none, an apple], [0, 0, 1, 1]]\nFrame_4: None\nFrame_5: [ ]\nFrame_6:\n");
  ASSERT_EQ(scene.key_frames.size(), 6u);
  for (const size_t i : {0u, 1u, 3u, 4u, 5u}) EXPECT_TRUE(scene.key_frames[i].regions.empty()) << i;
  EXPECT_EQ(scene.key_frames[2].regions.size(), 1u);
}

TEST(PlanText, FramesMayFollowEachOtherInOneLine) {
  EXPECT_EQ(parsed("Background: b\nFrame_1: [[a, none, c], [0, 0, 1, 1]] Frame_2: [[a, none, c], [0, 0, 1, 1]]").key_frames.size(), 2u);
}

TEST(PlanText, QuotesInsideTexts) {
  EXPECT_EQ(region_of(R"(["bowl", "none", "the dog's bowl, and the dogs' mat"])").caption, "the dog's bowl, and the dogs' mat");
  EXPECT_EQ(region_of(R"(['bowl', 'none', 'the dog's bowl'])").caption, "the dog's bowl");
  EXPECT_EQ(region_of(R"(['bowl', 'none', "the dog's bowl"])").caption, "the dog's bowl");
  EXPECT_EQ(region_of("[‘bowl’, ‘none’, ‘the dog’s bowl’]").caption, "the dog’s bowl");
  EXPECT_EQ(region_of("[\"bowl\", \"none\", \"the dog’s “best” bowl\"]").caption, "the dog’s “best” bowl");
  EXPECT_EQ(region_of(R"([bowl, none, the dog's bowl])").caption, "the dog's bowl");
  EXPECT_EQ(region_of(R"(["sign", "none", "a sign that says "stop" is shown"])").caption, "a sign that says \"stop\" is shown");
  EXPECT_EQ(region_of(R"(["sign", "none", "a sign says "stop""])").caption, "a sign says \"stop\"");
  EXPECT_EQ(region_of(R"(["sign", "none", ""stop" is on a sign"])").caption, "\"stop\" is on a sign");
  EXPECT_EQ(region_of(R"(["sign", "none", "a sign says \"stop\", in red \\ \/ \'"])").caption, "a sign says \"stop\", in red \\ / '");
  EXPECT_EQ(region_of("[“sign”, “none”, “a sign says “stop” here”]").caption, "a sign says “stop” here");
}

TEST(PlanText, BracketsAndCommasInsideQuotesAreText) {
  EXPECT_EQ(region_of(R"p({"[v1] girl witch", "waving", "a [v1] girl witch is waving, [smiling] {here} (now)"})p").caption,
            "a [v1] girl witch is waving, [smiling] {here} (now)");
  EXPECT_EQ(region_of("[[v1] girl witch, waving, a [v1] girl witch is waving (now)]").character, "[v1] girl witch");
}

TEST(PlanText, OverrunsAndEmptyBoxesAreKept) {
  const Scene scene = parsed("Background: b\nFrame_1: [[a, b, c], [-0.2, 0.3, 0.1, 0.6]], [[a, b, c], [0, 0, 0, 0]], [[a, b, c], [1.0, 0.4, 1.3, 0.7]]\n");
  const auto& regions = scene.key_frames.at(0).regions;
  ASSERT_EQ(regions.size(), 3u);
  EXPECT_EQ(regions[0].box, (Box{-0.2, 0.3, 0.1, 0.6}));
  EXPECT_EQ(regions[1].box, Box{});
  EXPECT_EQ(regions[2].box, (Box{1.0, 0.4, 1.3, 0.7}));
}

TEST(PlanText, AnyNumberOfFramesUpToTheLimit) {
  std::string text = "Background: b\n";
  for (int k = 1; k <= 256; ++k) text += fmt::format("Frame_{}: [[a, b, c], [0, 0, 1, 1]]\n", k);
  EXPECT_EQ(parsed(text).key_frames.size(), 256u);
  text += "Frame_257: []\n";
  EXPECT_TRUE(error_of([&] { parse_plan_text(text, "p"); }));
}

}  // namespace
}  // namespace dreamrunner
