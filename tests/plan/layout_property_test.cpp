#include <cmath>
#include <cstdlib>
#include <map>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "plan/english_words.h"
#include "plan/layout_planner.h"
#include "plan/lint.h"
#include "plan/motion_ids.h"
#include "story/plan_json.h"
#include "story/plan_rules.h"
#include "story/priors.h"

namespace dreamrunner {
namespace {

/// Writes scripts as people might, and nonsense among them.
class ScriptWriter {
 public:
  explicit ScriptWriter(uint64_t seed) : random_(seed) {}

  PlanningTask task() {
    PlanningTask task;
    task.key_frames = static_cast<int>(1 + random_() % 12);
    task.max_motions = 4;
    const std::vector<Character> known = {{"witch", "[v1]", "girl witch"}, {"cat", "[v2]", "orange cat"}, {"knight", "", "blue knight"},
                                          {"horse", "", "horse"},          {"dragon", "[v5]", "green dragon"}, {"fish", "", "fish"}};
    for (const Character& character : known) {
      if (random_() % 2 == 0) task.characters.push_back(character);
    }
    const int scenes = static_cast<int>(1 + random_() % 3);
    for (int i = 1; i <= scenes; ++i) task.script += scene(i);
    return task;
  }

 private:
  std::string pick(std::initializer_list<const char*> choices) { return choices.begin()[random_() % choices.size()]; }
  std::string who() { return pick({"the witch", "the cat", "her cat", "the knight", "a horse", "the dragon", "the fish", "she", "they", "Teddy", "the old king", "it"}); }

  std::string scene(int number) {
    std::vector<std::string> motions;
    for (uint64_t n = random_() % 4; n > 0; --n) {
      motions.push_back(pick({"walking", "sitting", "waving", "running to the left", "swimming", "flying", "lying", "jumping", "dancing", "picking up", "cartwheeling", "bows"}));
    }
    std::string text = fmt::format("Scene {}: {}\nMotions: ", number, pick({"the forest", "Beach", "the witch's house", "lake at night", "a castle hall", "Coral Reef"}));
    for (const std::string& motion : motions) text += motion + ", ";
    if (motions.empty()) text += "none";
    text += "\nNarration:";
    for (uint64_t n = 1 + random_() % 4; n > 0; --n) {
      text += ' ';
      text += who();
      if (random_() % 3 == 0) text.append(" and ").append(who());
      if (!motions.empty() && random_() % 5 > 0) text += pick({" is ", " are ", " then is ", " slowly "}) + motions[random_() % motions.size()];
      else text += pick({" looks", " is here", " sleeps", ""});
      if (random_() % 2 == 0) {
        text += pick({" behind ", " in front of ", " beside ", " next to ", " to the left of ", " on the right of ", " towards ", " with ", " away from ", " following ", " on the left ", " "}) + who();
      }
      text += pick({".", ". Then", ",", " while", " and", ";"});
    }
    if (random_() % 20 == 0) {
      const size_t first = text.find("Narration:") + 10;
      text.insert(first + random_() % (text.size() - first), 1, static_cast<char>(random_()));
    }
    return text + "\n\n";
  }

  std::mt19937_64 random_;
};

/// What every plan of the built-in planner keeps.
void check_scene(const Scene& scene, const StoryScene& source, int key_frames) {
  ASSERT_EQ(scene.key_frames.size(), static_cast<size_t>(key_frames));
  ASSERT_FALSE(is_blank(scene.background));
  struct Progress {
    std::vector<std::pair<std::string, int>> motions;  ///< Each with the key frames it lasts.
    const PlannedRegion* before = nullptr;
  };
  std::map<std::string, Progress> progress;
  for (const KeyFrame& frame : scene.key_frames) {
    for (const PlannedRegion& region : frame.regions) {
      const Box& box = region.box;
      ASSERT_EQ(box_fault(box), std::nullopt);
      ASSERT_GE(box.left, 0);
      ASSERT_GE(box.top, 0);
      ASSERT_LE(box.right, 1);
      ASSERT_LE(box.bottom, 1);
      ASSERT_GE(box.right - box.left, 0.2);
      ASSERT_GE(box.bottom - box.top, 0.2);
      Progress& one = progress[region.character];
      if (region.motion == "none") {
        ASSERT_EQ(region.caption.find(" is "), std::string::npos) << region.caption;
      } else {
        ASSERT_NE(region.caption.find(region.motion), std::string::npos) << region.caption;
      }
      if (one.motions.empty() || one.motions.back().first != region.motion) one.motions.push_back({region.motion, 0});
      ++one.motions.back().second;
      if (one.before && one.before->motion == region.motion) {
        const double step = std::abs(box.left - one.before->box.left);
        ASSERT_LE(step, is_locomotion(region.motion) ? 0.1201 : 1e-9) << region.motion;
        ASSERT_EQ(box.top, one.before->box.top);
      }
      one.before = &region;
    }
    // Somebody is there in all key frames or in none.
    ASSERT_EQ(frame.regions.size(), scene.key_frames.front().regions.size());
  }
  ASSERT_EQ(progress.size(), scene.key_frames.front().regions.size()) << "nobody is there twice";
  std::map<std::string, bool> done;
  for (const auto& [who, one] : progress) {
    for (size_t i = 0; i < one.motions.size(); ++i) {
      ASSERT_GE(one.motions[i].second, one.motions.size() > 1 ? 2 : 1) << who << " " << one.motions[i].first;
      ASSERT_TRUE(i == 0 || one.motions[i].first != "none") << "what has begun goes on";
      done[one.motions[i].first] = true;
    }
  }
  done.erase("none");
  // Every motion of the scene is done by somebody, and nothing else is.
  for (const std::string& motion : source.motions) ASSERT_TRUE(done.contains(motion) || motion == "bows") << motion;
  ASSERT_LE(done.size(), source.motions.size());
}

/// Rounds of the loop; more by DREAMRUNNER_FUZZ_ROUNDS, for a run under sanitizers.
int rounds() {
  const char* wish = std::getenv("DREAMRUNNER_FUZZ_ROUNDS");
  return wish ? std::atoi(wish) : 100000;
}

TEST(LayoutProperty, EveryAcceptedPlanKeepsTheRulesAndEveryRefusalSaysWhere) {
  RunContext run;
  const auto planner = make_layout_planner();
  int accepted = 0;
  int refused = 0;
  for (int i = 0; accepted + refused < rounds(); ++i) {
    const PlanningTask task = ScriptWriter(static_cast<uint64_t>(i)).task();
    try {
      const StoryPlan story = planner->plan_story(task, run);
      Plan plan;
      plan.characters = task.characters;
      for (size_t scene = 0; scene < story.scenes.size(); ++scene) {
        plan.scenes.push_back(planner->plan_scene(task, story, scene, run));
        check_scene(plan.scenes.back(), story.scenes[scene], task.key_frames);
        if (testing::Test::HasFatalFailure()) FAIL() << "round " << i << "\n" << task.script << format_plan_json(plan);
      }
      complete_motions(plan);
      ASSERT_EQ(parse_plan_json(format_plan_json(plan), "p"), plan) << task.script;
      // The rules of lint are slower; what they call an error cannot be generated.
      if (i % 20 == 0) {
        const auto findings = lint_plan(plan);
        ASSERT_FALSE(has_errors(findings)) << task.script << format_findings(findings, "plan");
      }
      for (const Scene& scene : plan.scenes) {
        for (const KeyFrame& frame : scene.key_frames) {
          for (const PlannedRegion& region : frame.regions) {
            ASSERT_EQ(wanted_priors(plan, region).motion.empty(), is_nothing(region.motion)) << task.script;
          }
        }
      }
      ++accepted;
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::plan_refused) << error.what();
      const std::string message = error.what();
      ASSERT_TRUE(message.starts_with("scene ") || message.starts_with("story:")) << message;
      ++refused;
    }
  }
  // Both ways must be walked, or the loop tests nothing.
  EXPECT_GT(accepted, rounds() / 3);
  EXPECT_GT(refused, rounds() / 50);
}

}  // namespace
}  // namespace dreamrunner
