#include <cctype>
#include <fstream>
#include <regex>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/load_plan.h"
#include "plan/plan_text.h"
#include "story/plan_json.h"
#include "support/error_of.h"
#include "support/shared_folder.h"

namespace dreamrunner {
namespace {

using test::error_of;

struct Figures {
  size_t scenes = 0;
  size_t frames = 0;
  size_t regions = 0;
  size_t distinct_captions = 0;  ///< Summed over scenes.
  size_t outside = 0;            ///< Boxes that reach over the frame's edge.
  size_t empty = 0;              ///< Boxes without area.
  bool operator==(const Figures&) const = default;
};

Figures figures_of(const Plan& plan) {
  Figures figures;
  figures.scenes = plan.scenes.size();
  for (const Scene& scene : plan.scenes) {
    EXPECT_TRUE(scene.background.starts_with("the background of the event: ")) << scene.background;
    std::set<std::string> captions;
    figures.frames += scene.key_frames.size();
    for (const KeyFrame& frame : scene.key_frames) {
      figures.regions += frame.regions.size();
      for (const PlannedRegion& region : frame.regions) {
        captions.insert(region.caption);
        const Box& box = region.box;
        figures.outside += std::min(box.left, box.top) < 0 || std::max(box.right, box.bottom) > 1;
        figures.empty += box.left == box.right || box.top == box.bottom;
      }
    }
    figures.distinct_captions += captions.size();
  }
  return figures;
}

void PrintTo(const Figures& f, std::ostream* out) {
  *out << f.scenes << " scenes, " << f.frames << " frames, " << f.regions << " regions, " << f.distinct_captions << " captions, " << f.outside << " outside, " << f.empty << " empty";
}

TEST(ReleasedPlans, AllThreeHundredParse) {
  if (!test::has_shared_folder()) GTEST_SKIP() << "the released plans are not beside this checkout";
  const auto plans = test::shared_folder() / "plans";
  const Plan attributes = load_plan(plans / "1_consistent_attribute_binding.jsonl");
  const Plan motions = load_plan(plans / "4_motion_binding.jsonl");
  const Plan interactions = load_plan(plans / "6_object_interactions.jsonl");
  // Counted once by a Python script over the same files (ast.literal_eval of each Frame line).
  EXPECT_EQ(figures_of(attributes), (Figures{100, 600, 1230, 297, 0, 0}));
  EXPECT_EQ(figures_of(motions), (Figures{100, 600, 828, 238, 4, 1}));
  EXPECT_EQ(figures_of(interactions), (Figures{100, 600, 1227, 1136, 0, 0}));
  for (const Plan* plan : {&attributes, &motions, &interactions}) {
    const std::string text = format_plan_json(*plan);
    EXPECT_EQ(parse_plan_json(text, "p"), *plan);
    EXPECT_EQ(format_plan_json(parse_plan_json(text, "p")), text);
  }
}

/// The paper's listings are set in narrow columns, so that their lists wrap in odd places.
class PaperListings : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = test::shared_folder() / "paper" / "dreamrunner.txt";
    std::ifstream file(path);
    if (!file) GTEST_SKIP() << "the paper's text is not beside this checkout";
    paper_.assign(std::istreambuf_iterator<char>(file), {});
  }
  std::string between(std::string_view begin, std::string_view end) const {
    const size_t first = paper_.find(begin);
    return paper_.substr(first, paper_.find(end, first) - first);
  }
  std::string paper_;
};

TEST_F(PaperListings, TheExampleOfThePromptParses) {
  const Scene scene = parse_plan_text(between("Background: the forest", "[Input]"), "listing 3");
  EXPECT_EQ(scene.background, "the forest");
  ASSERT_EQ(scene.key_frames.size(), 6u);
  for (const KeyFrame& frame : scene.key_frames) EXPECT_EQ(frame.regions.size(), 2u);
  EXPECT_EQ(scene.key_frames[1].regions[0], (PlannedRegion{"Teddy", "hiking", "Teddy is hiking on a trail in the forest", {0.47, 0.0, 0.87, 1.0}}));
  EXPECT_EQ(scene.key_frames[5].regions[1], (PlannedRegion{"rock", "none", "a rock in the forest", {0.0, 0.8, 0.2, 1.0}}));
}

TEST_F(PaperListings, TheModelsReplyParsesWithItsReasoning) {
  const size_t listing = paper_.find("Listing 4. The example output");
  const size_t begin = paper_.find("[Output]", listing);
  const Scene scene = parse_plan_text(paper_.substr(begin, paper_.find("```", begin) - begin), "listing 4");
  ASSERT_EQ(scene.key_frames.size(), 6u);
  EXPECT_EQ(scene.background, "the vibrant coral reef full of colors and life");
  EXPECT_EQ(scene.key_frames[1].regions[0].box, (Box{0.15, 0.0, 0.55, 1.0}));
  EXPECT_EQ(scene.key_frames[4].regions[0].caption, "The Mermaid is touching the corals with her curiosity");
}

TEST_F(PaperListings, TheWholePromptHoldsTwoPlansAndIsRefused) {
  const auto error = error_of([&] { parse_plan_text(between("Use format:", "Listing 4. The example output"), "listing 3"); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), ::testing::HasSubstr("a second plan begins here"));
}

}  // namespace
}  // namespace dreamrunner
