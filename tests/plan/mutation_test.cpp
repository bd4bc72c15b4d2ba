#include <cstdlib>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "plan/authors_jsonl.h"
#include "plan/plan_text.h"
#include "story/plan_json.h"
#include "story/plan_rules.h"

namespace dreamrunner {
namespace {

constexpr const char* kSeeds[] = {
    "Reasoning\nit moves.\n*Plan*\nBackground: the forest\nFrame_1: [{\"Teddy\", \"hiking\", \"Teddy is hiking\nin the forest\"}, [0.6, 0.0, 1.0,\n1.0]], [{\"rock\", \"none\", \"a rock\"}, [0.0, 0.8, 0.2, 1.0]]\nFrame_2: []\nThe end.\n",
    "\"Background:the sea\\nFrame_1: [[\\\"fish\\\", \\\"none\\\", \\\"a fish\\\"], [0, .2, 1, 1.]]\\nFrame_2: [[fish, none, the fish's fin], [-0.1, 0, 1e-1, 1]]\"",
    "**Background:** “b”\n### Frame 1: `[[‘a’, 'b', \"say \"no\" now\"], (0, 0, 1, 1)];` // remark\n---\nFrame_2: [[[ [v1] a, None, c ], [0, 0, 1, 1],],]  # end\nFrame-3:\n"};

constexpr std::string_view kPieces[] = {"\"", "'", "\\\"", "\\n", "\n", "[", "]", "{", "}", "(", ",", ":", "Frame_1:", "Frame_2:", "Frame_", "Background:", "“", "”", "’", "`", "//", "#", "...",
                                   "nan", "1e999", "-", "0.5", "<think>", "</think>", "[[a, b, c], [0, 0, 1, 1]]", "\xff", "\xe2", " ", "\\", "\r", "none", std::string_view("\0", 1)};

std::string mutated(std::string text, std::mt19937_64& random) {
  for (uint64_t changes = 1 + random() % 4; changes > 0 && !text.empty(); --changes) {
    const size_t at = random() % text.size();
    switch (random() % 6) {
      case 0: text.erase(at, 1 + random() % 12); break;
      case 1: text.insert(at, kPieces[random() % std::size(kPieces)]); break;
      case 2: text[at] = static_cast<char>(random()); break;
      case 3: text.resize(at); break;
      case 4: text.insert(at, text.substr(random() % text.size(), random() % 60)); break;
      case 5: std::swap(text[at], text[random() % text.size()]); break;
    }
  }
  return text;
}

/// What every scene that a reader lets through must keep.
void check(const Scene& scene) {
  ASSERT_FALSE(is_blank(scene.background));
  ASSERT_EQ(text_fault(scene.background), std::nullopt);
  ASSERT_GE(scene.key_frames.size(), 1u);
  for (const KeyFrame& frame : scene.key_frames) {
    for (const PlannedRegion& region : frame.regions) {
      ASSERT_EQ(box_fault(region.box), std::nullopt);
      for (const std::string* text : {&region.character, &region.motion, &region.caption}) {
        ASSERT_FALSE(text->empty());
        ASSERT_EQ(text_fault(*text), std::nullopt);
      }
    }
  }
  Plan plan;
  plan.scenes = {scene};
  ASSERT_EQ(parse_plan_json(format_plan_json(plan), "p"), plan) << "whatever is accepted can be written as JSON and read back";
}

/// Rounds of the loops below; more by DREAMRUNNER_FUZZ_ROUNDS, for a run under sanitizers.
int rounds() {
  const char* wish = std::getenv("DREAMRUNNER_FUZZ_ROUNDS");
  return wish ? std::atoi(wish) : 20000;
}

TEST(Mutation, PlanTextsAreReadOrRefused) {
  std::mt19937_64 random(7);
  int accepted = 0;
  for (int i = 0; i < rounds(); ++i) {
    const std::string text = mutated(kSeeds[random() % std::size(kSeeds)], random);
    const PlanTextResult result = read_plan_text(text);
    for (const PlanTextFault& fault : result.faults) ASSERT_LE(fault.offset, text.size()) << text;
    if (!result.faults.empty()) continue;
    ++accepted;
    check(result.scene);
    if (HasFatalFailure()) FAIL() << text;
  }
  // Both ways must be walked, or the loop tests nothing.
  EXPECT_GT(accepted, rounds() / 100);
  EXPECT_LT(accepted, rounds() / 2);
}

TEST(Mutation, JsonPlansAndJsonLinesAreReadOrRefused) {
  std::mt19937_64 random(8);
  Plan plan;
  plan.characters = {{"cat", "[v1]", "cat"}};
  plan.scenes.resize(2);
  for (Scene& scene : plan.scenes) {
    scene.background = "b";
    scene.key_frames = {{{{"cat", "running", "a \"cat\" is running", {0.1, 0.2, 0.3, 0.4}}}}, {}};
  }
  const std::string json = format_plan_json(plan);
  const std::string lines = Json::array({"0001.mp4", std::string("\"") + kSeeds[0] + "\""}).dump();
  int accepted = 0;
  for (int i = 0; i < rounds(); ++i) {
    const bool whole = i % 2 == 0;
    const std::string text = mutated(whole ? json : lines, random);
    try {
      if (whole) {
        const Plan read = parse_plan_json(text, "p");
        ASSERT_EQ(parse_plan_json(format_plan_json(read), "p"), read) << text;
      } else if (looks_like_authors_jsonl(text)) {
        check(parse_authors_line(text, 3, "p"));
      } else {
        continue;
      }
      ++accepted;
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::plan_refused) << error.what();
    }
    if (HasFatalFailure()) FAIL() << text;
  }
  EXPECT_GT(accepted, rounds() / 100);
  EXPECT_LT(accepted, rounds() / 2);
}

// A reader that looks back or ahead too far shows here: each of these takes milliseconds when every byte is seen a few times.
TEST(Mutation, LongHostileTextsTakeNoLongerThanTheirLength) {
  const auto repeated = [](std::string_view piece) {
    std::string text = "Background: b\nFrame_1: [[\"a\", \"b\", \"";
    while (text.size() < (1u << 20)) text += piece;
    return text;
  };
  for (const char* piece : {"\n", "\\n", "\" ", "'", "-\n", "\n-", "// ", "#", "# \n", "[", "\"x\" ", " \"x\"", "\\\"", "“", "\nFrame_2:", "\nBackground: b\nFrame_1: []", "``"}) {
    const PlanTextResult result = read_plan_text(repeated(piece));
    EXPECT_FALSE(result.faults.empty()) << piece;
    EXPECT_FALSE(read_plan_text(std::string("Background: b\nFrame_1: []\n") + repeated(piece).substr(38)).faults.size() > 100) << piece;
  }
}

}  // namespace
}  // namespace dreamrunner
