#include "plan/lint.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "story/plan_json.h"
#include "support/expect_error.h"
#include "text/t5_tokenizer.h"

namespace dreamrunner {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

const Character kWitch{"witch", "[v1]", "girl witch"};
const Character kCat{"cat", "[v6]", "black cat"};

PlannedRegion region(const std::string& character, const std::string& motion, const std::string& caption, const Box& box) {
  return {character, motion, caption, box, ""};
}

PlannedRegion witch_walking(double left) { return region("witch", "walking", "a [v1] girl witch is walking", {left, 0.1, left + 0.4, 1}); }

/// A plan that no rule finds fault with: five scenes of six key frames.
Plan sound_plan() {
  Plan plan;
  plan.characters = {kWitch, kCat};
  Scene scene;
  scene.motions = {"walking"};
  scene.narration = "The witch is walking through the forest.";
  scene.background = "the forest";
  for (int i = 0; i < 6; ++i) {
    scene.key_frames.push_back({{witch_walking(0.1 * i), region("rock", "none", "a rock in the forest", {0.7, 0.7, 1, 1})}});
  }
  plan.scenes.assign(5, scene);
  return plan;
}

std::vector<std::string> rules_of(const std::vector<LintFinding>& findings) {
  std::vector<std::string> rules;
  for (const LintFinding& finding : findings) rules.push_back(finding.rule);
  return rules;
}

/// What a change of the sound plan brings.
template <typename Change>
std::vector<LintFinding> after(Change change, const LintOptions& options = {}) {
  Plan plan = sound_plan();
  change(plan);
  return lint_plan(plan, options);
}

template <typename Change>
std::vector<LintFinding> after_in_first_scene(Change change, const LintOptions& options = {}) {
  return after([&](Plan& plan) { change(plan.scenes.front()); }, options);
}

auto finding(const std::string& rule, const std::string& pointer) {
  return AllOf(Field(&LintFinding::rule, rule), Field(&LintFinding::pointer, pointer));
}

TEST(Lint, FindsNothingInASoundPlan) { EXPECT_THAT(format_findings(lint_plan(sound_plan()), "plan.json"), ""); }

// Boxes.

TEST(Lint, ASideBelowAFifthIsTooSmall) {
  const auto found = after_in_first_scene([](Scene& scene) { scene.key_frames[2].regions[1].box = {0.7, 0.85, 1, 1}; });
  ASSERT_THAT(found, ElementsAre(finding("box-too-small", "/scenes/0/key_frames/2/regions/1/box")));
  EXPECT_THAT(found[0].message, HasSubstr("0.3 wide and 0.15 high"));
  EXPECT_EQ(found[0].severity, Severity::warning);
}

TEST(Lint, ASideOfAFifthIsEnoughWhateverItsRounding) {
  EXPECT_THAT(after_in_first_scene([](Scene& scene) {
                for (KeyFrame& frame : scene.key_frames) frame.regions[1].box = {0.27, 0.6, 0.47, 0.8};
              }),
              IsEmpty());
}

TEST(Lint, SomebodyWhoMovesHasMoreThanALittleBox) {
  const auto change = [](const char* motion) {
    return after_in_first_scene([&](Scene& scene) {
      for (KeyFrame& frame : scene.key_frames)
        frame.regions[0] = region("witch", motion, "a [v1] girl witch is walking", {0.1, 0.1, 0.4, 0.35});
    });
  };
  EXPECT_THAT(change("walking"), ElementsAre(finding("box-small", "/scenes/0/key_frames/0/regions/0/box")));
  EXPECT_THAT(rules_of(change("none")), ElementsAre("motion-not-shown")) << "a thing may be small";
}

TEST(Lint, BoxesOverTheEdgeAndOutsideAreTold) {
  EXPECT_THAT(after_in_first_scene([](Scene& scene) { scene.key_frames[5].regions[1].box.right = 1.2; }),
              ElementsAre(finding("box-over-edge", "/scenes/0/key_frames/5/regions/1/box")));
  for (const Box& box : {Box{1.1, 0, 1.4, 1}, Box{0.5, 0.5, 0.5, 0.5}, Box{0.2, -1, 0.6, 0}}) {
    EXPECT_THAT(after_in_first_scene([&](Scene& scene) { scene.key_frames[5].regions[1].box = box; }),
                ElementsAre(finding("box-not-in-frame", "/scenes/0/key_frames/5/regions/1/box")));
  }
}

/// Field case G3: 10 pixels of 720 x 480 are less than half a token of 45 x 30.
TEST(Lint, ABoxThatVanishesOnTheGridIsTold) {
  LintOptions options;
  options.grid = LintGrid{12, 30, 45};
  const auto boxed = [&](const Box& box) {
    return rules_of(after_in_first_scene([&](Scene& scene) { scene.key_frames[0].regions[1].box = box; }, options));
  };
  EXPECT_THAT(boxed({0.75, 0.7, 0.75 + 10.0 / 720, 0.7 + 10.0 / 480}), ElementsAre("box-too-small", "box-vanishes"));
  EXPECT_THAT(boxed({0.75, 0.7, 0.75 + 30.0 / 720, 0.7 + 30.0 / 480}), ElementsAre("box-too-small"));
  EXPECT_THAT(boxed({0.5, 0.7, 1, 1}), IsEmpty()) << "22.5 tokens are rounded, not lost";
  options.grid.reset();
  EXPECT_THAT(boxed({0.75, 0.7, 0.75 + 10.0 / 720, 0.7 + 10.0 / 480}), ElementsAre("box-too-small"));
}

TEST(Lint, KeyFramesBeyondTheLatentFramesAreNeverShown) {
  LintOptions options;
  options.grid = LintGrid{5, 30, 45};
  const auto found = lint_plan(sound_plan(), options);
  EXPECT_THAT(rules_of(found), ElementsAre("key-frame-not-shown", "key-frame-not-shown", "key-frame-not-shown", "key-frame-not-shown",
                                           "key-frame-not-shown"));
  EXPECT_THAT(found[0].message, HasSubstr("1 of them"));
}

TEST(Lint, TwoThingsInOneBoxAreTold) {
  const auto found = after_in_first_scene([](Scene& scene) {
    for (KeyFrame& frame : scene.key_frames) frame.regions[1].box = frame.regions[0].box;
  });
  EXPECT_THAT(rules_of(found), testing::Contains("boxes-coincide"));
  EXPECT_THAT(after_in_first_scene([](Scene& scene) {
                for (KeyFrame& frame : scene.key_frames) frame.regions[1].box = {0.1, 0.3, 0.4, 0.9};
              }),
              IsEmpty())
      << "a thing in front of somebody may overlap";
}

// From one key frame to the next.

TEST(Lint, WhoDoesNotTravelStaysNearWhereTheyWere) {
  const auto moved = [](const char* motion, double step) {
    return rules_of(after_in_first_scene([&](Scene& scene) {
      scene.motions = {motion};
      for (size_t i = 0; i < 6; ++i)
        scene.key_frames[i].regions[0] =
            region("witch", motion, std::string("a [v1] girl witch is ") + motion, {i < 3 ? 0 : step, 0, 0.4 + (i < 3 ? 0 : step), 1});
    }));
  };
  EXPECT_THAT(moved("cooking", 0.3), ElementsAre("shift-without-travel"));
  EXPECT_THAT(moved("cooking", 0.2), IsEmpty());
  EXPECT_THAT(moved("running", 0.3), IsEmpty());
  EXPECT_THAT(moved("slinking to the left", 0.3), IsEmpty()) << "the words name a way";
  EXPECT_THAT(moved("running", 0.45), ElementsAre("shift-too-large"));
}

TEST(Lint, AThingThatNothingMovesStays) {
  EXPECT_THAT(after_in_first_scene([](Scene& scene) {
                scene.key_frames[5].regions[1].box = {0, 0.7, 0.3, 1};
              }),
              ElementsAre(finding("shift-too-large", "/scenes/0/key_frames/5/regions/1/box")));
}

// Motions.

TEST(Lint, AMotionLastsTwoKeyFrames) {
  const auto found = after_in_first_scene([](Scene& scene) {
    scene.motions = {"walking", "waving"};
    scene.key_frames[5].regions[0] = region("witch", "waving", "a [v1] girl witch is waving", {0.5, 0.1, 0.9, 1});
  });
  ASSERT_THAT(found, ElementsAre(finding("motion-too-short", "/scenes/0/key_frames/5/regions/0/motion")));
}

TEST(Lint, ASceneHasAsManyMotionsAsItHasTimeFor) {
  const auto change = [](Plan& plan) {
    Scene& scene = plan.scenes.front();
    scene.motions = {"walking", "waving", "jumping"};
    for (const size_t i : {2, 3})
      scene.key_frames[i].regions[0] = region("witch", "waving", "a [v1] girl witch is waving", {0.3, 0.1, 0.7, 1});
    for (const size_t i : {4, 5})
      scene.key_frames[i].regions[0] = region("witch", "jumping", "a [v1] girl witch is jumping", {0.3, 0.1, 0.7, 1});
  };
  EXPECT_THAT(after(change), ElementsAre(finding("too-many-motions", "/scenes/0/key_frames/4/regions/0/motion")));
  LintOptions three;
  three.max_motions = 3;
  EXPECT_THAT(after(change, three), IsEmpty());
  EXPECT_THAT(after([&](Plan& plan) {
                change(plan);
                for (KeyFrame& frame : plan.scenes.front().key_frames)
                  frame.regions[1] = region("cat", "walking", "a [v6] black cat is walking", {0.7, 0.5, 1, 1});
              }),
              IsEmpty())
      << "four where several move";
}

TEST(Lint, MotionsAreThoseOfTheStory) {
  const auto told = [](const std::vector<std::string>& motions, const char* narration) {
    return rules_of(after_in_first_scene([&](Scene& scene) {
      scene.motions = motions;
      scene.narration = narration;
    }));
  };
  EXPECT_THAT(told({"waving"}, "The witch waves."), ElementsAre("motion-not-shown", "motion-not-in-story"));
  EXPECT_THAT(told({}, "The witch walks home."), IsEmpty()) << "a form of the verb is the verb";
  EXPECT_THAT(told({}, ""), IsEmpty()) << "nothing is told, so nothing contradicts it";
}

TEST(Lint, MotionsAndCaptionsSpeakInThePresentProgressive) {
  const auto found = after_in_first_scene([](Scene& scene) {
    for (KeyFrame& frame : scene.key_frames) frame.regions[0].motion = "walks";
  });
  EXPECT_THAT(found, ElementsAre(finding("motion-not-progressive", "/scenes/0/key_frames/0/regions/0/motion")));
  EXPECT_THAT(found[0].message, HasSubstr("5 more times"));
}

TEST(Lint, ACaptionSaysItsMotion) {
  EXPECT_THAT(after_in_first_scene([](Scene& scene) {
                for (KeyFrame& frame : scene.key_frames) frame.regions[0].caption = "a [v1] girl witch in the forest";
              }),
              ElementsAre(finding("caption-lacks-motion", "/scenes/0/key_frames/0/regions/0/caption")));
  EXPECT_THAT(after_in_first_scene([](Scene& scene) {
                for (KeyFrame& frame : scene.key_frames) frame.regions[0].motion = "slowly walking to the rock";
              }),
              IsEmpty());
}

// Characters.

TEST(Lint, ACaptionWithoutItsCharactersTokenIsAnError) {
  const auto captioned = [](const std::string& caption) {
    return after_in_first_scene([&](Scene& scene) {
      for (KeyFrame& frame : scene.key_frames) frame.regions[0].caption = caption;
    });
  };
  const auto found = captioned("a girl witch is walking");
  ASSERT_THAT(found, ElementsAre(finding("caption-lacks-token", "/scenes/0/key_frames/0/regions/0/caption")));
  EXPECT_EQ(found[0].severity, Severity::error);
  EXPECT_TRUE(has_errors(found));
  EXPECT_THAT(found[0].hint, HasSubstr("[v1] girl witch"));
  EXPECT_THAT(rules_of(captioned("a [v10] girl witch is walking")), ElementsAre("caption-lacks-token"));
  EXPECT_THAT(rules_of(captioned("a [v1] woman is walking")), ElementsAre("caption-lacks-name"));
}

TEST(Lint, ACharacterWithoutANameIsCalledByItsId) {
  LintOptions options;
  options.characters = {{"witch", "[v1]", ""}, {"cat", "[v6]", ""}};
  EXPECT_THAT(lint_plan(sound_plan(), options), IsEmpty());
  const auto found = after([](Plan& plan) {
    for (Scene& scene : plan.scenes)
      for (KeyFrame& frame : scene.key_frames) frame.regions[0].caption = "a [v1] woman is walking";
  }, options);
  EXPECT_THAT(rules_of(found), testing::Each("caption-lacks-name"));
  EXPECT_THAT(found.at(0).message, HasSubstr("does not call witch \"witch\""));
}

TEST(Lint, ABareTokenIsAWholeWord) {
  LintOptions options;
  options.characters = {{"witch", "sks", "girl witch"}};
  const auto captioned = [&](const std::string& caption) {
    return rules_of(after(
        [&](Plan& plan) {
          for (Scene& scene : plan.scenes)
            for (KeyFrame& frame : scene.key_frames) frame.regions[0].caption = caption;
        },
        options));
  };
  EXPECT_THAT(captioned("a sks girl witch is walking"), IsEmpty()) << "the film's character stands in for the plan's";
  EXPECT_THAT(captioned("a girl witch asks while walking"), testing::Each("caption-lacks-token"));
}

TEST(Lint, WhoMovesIsKnown) {
  const auto called = [](const std::string& name, const std::string& motion) {
    return after_in_first_scene([&](Scene& scene) {
      for (KeyFrame& frame : scene.key_frames) frame.regions[1] = region(name, motion, "it is walking", {0.7, 0.5, 1, 1});
    });
  };
  const auto by_name = called("black cat", "none");
  ASSERT_THAT(by_name, ElementsAre(finding("unknown-character", "/scenes/0/key_frames/0/regions/1/character")));
  EXPECT_EQ(by_name[0].hint, "write \"cat\"");
  EXPECT_THAT(rules_of(called("wolf", "walking")), ElementsAre("unknown-character"));
  EXPECT_THAT(called("fence", "none"), IsEmpty());
  EXPECT_THAT(after([](Plan& plan) { plan.characters.clear(); }), IsEmpty()) << "a film without characters has none to know";
}

TEST(Lint, TheBackgroundIsAPlace) {
  const auto behind = [](const std::string& background) {
    return rules_of(after_in_first_scene([&](Scene& scene) { scene.background = background; }));
  };
  EXPECT_THAT(behind("the witch's forest"), ElementsAre("background-names-character"));
  EXPECT_THAT(behind("a forest with [v1]"), ElementsAre("background-names-character"));
  EXPECT_THAT(behind("the bewitched forest"), IsEmpty());
  EXPECT_THAT(behind("a forest with a black cat"), IsEmpty()) << "the cat is not in this scene";
}

TEST(Lint, ACaptionHasOneOwnerAndAKeyFrameEachCharacterOnce) {
  const auto with = [](const PlannedRegion& more) {
    return rules_of(after_in_first_scene([&](Scene& scene) { scene.key_frames[0].regions.push_back(more); }));
  };
  EXPECT_THAT(with(witch_walking(0)), ElementsAre("duplicate-region"));
  EXPECT_THAT(with(witch_walking(0.6)), ElementsAre("character-twice"));
  EXPECT_THAT(rules_of(after_in_first_scene([](Scene& scene) {
                for (KeyFrame& frame : scene.key_frames) frame.regions[1].caption = frame.regions[0].caption;
              })),
              ElementsAre("shared-caption"));
}

// Scenes and the model.

TEST(Lint, CountsScenesAndKeyFrames) {
  EXPECT_THAT(after([](Plan& plan) { plan.scenes.resize(4); }), ElementsAre(finding("scene-count", "/scenes")));
  EXPECT_THAT(after([](Plan& plan) { plan.scenes.resize(9, plan.scenes[0]); }), ElementsAre(finding("scene-count", "/scenes")));
  EXPECT_THAT(after([](Plan& plan) { plan.scenes.resize(8, plan.scenes[0]); }), IsEmpty());
  EXPECT_THAT(after_in_first_scene([](Scene& scene) { scene.key_frames.resize(4); }),
              ElementsAre(finding("key-frame-count", "/scenes/0/key_frames")));
  EXPECT_THAT(after_in_first_scene([](Scene& scene) { scene.key_frames[3].regions.clear(); }),
              ElementsAre(finding("key-frame-empty", "/scenes/0/key_frames/3/regions")));
}

TEST(Lint, WordsThatTheModelCannotSpellAreTold) {
  const T5Tokenizer tokenizer = T5Tokenizer::from_folder(std::string(DREAMRUNNER_SOURCE_DIR) + "/models/playset/tokenizer");
  LintOptions options;
  options.tokenizer = &tokenizer;
  const auto found = after_in_first_scene([](Scene& scene) { scene.background = "the forest \u68ee"; }, options);
  ASSERT_THAT(found, ElementsAre(finding("unknown-words", "/scenes/0/background")));
  EXPECT_THAT(found[0].message, HasSubstr("\"\u68ee\""));
  options.max_text_tokens = 4;
  const auto cut = lint_plan(sound_plan(), options);
  EXPECT_THAT(cut, testing::Contains(finding("caption-cut", "/scenes/0/key_frames/0/regions/0/caption")));
  EXPECT_THAT(rules_of(cut), testing::Each("caption-cut"));
}

// Reports.

TEST(Lint, SaysPlacesInTheOrderOfThePlanWithTheirLines) {
  Plan plan = sound_plan();
  plan.scenes[1].key_frames[2].regions[1].box = {0.7, 0.9, 1, 1};
  plan.scenes[0].key_frames[5].regions[1].box.right = 1.5;
  const std::string text = format_plan_json(plan);
  LintOptions options;
  options.text = text;
  const auto found = lint_plan(plan, options);
  ASSERT_THAT(rules_of(found), ElementsAre("box-over-edge", "box-too-small"));
  for (const LintFinding& one : found) {
    std::vector<std::string> lines{""};
    for (const char c : text) c == '\n' ? lines.push_back("") : lines.back().push_back(c);
    EXPECT_THAT(lines.at(static_cast<size_t>(one.line - 1)), HasSubstr("a rock in the forest"));
    EXPECT_THAT(lines.at(static_cast<size_t>(one.line - 1)), HasSubstr(one.rule == "box-over-edge" ? "1.5" : "0.9"));
  }
}

TEST(Lint, WritesFindingsAsCompilersDo) {
  const std::vector<LintFinding> findings{{"box-too-small", Severity::warning, "/scenes/0/key_frames/2/regions/1/box", 12, "too small", ""},
                                          {"caption-lacks-token", Severity::error, "/scenes/0", 0, "no token", "write one"}};
  EXPECT_EQ(format_findings(findings, "plan.json"),
            "plan.json:12:/scenes/0/key_frames/2/regions/1/box: warning: too small [box-too-small]\n"
            "plan.json:/scenes/0: error: no token; write one [caption-lacks-token]\n");
  EXPECT_EQ(count_findings(findings), "1 error, 1 warning");
  EXPECT_EQ(count_findings({}), "0 errors, 0 warnings");
  const Json json = findings_to_json(findings);
  EXPECT_EQ(json["errors"], 1);
  EXPECT_EQ(json["findings"][0]["line"], 12);
  EXPECT_TRUE(json["findings"][1]["line"].is_null());
  EXPECT_EQ(json["findings"][1]["severity"], "error");
}

TEST(Lint, AMessageIsShortWhateverThePlanSays) {
  const std::string endless(16384, 'x');
  Plan plan = sound_plan();
  for (KeyFrame& frame : plan.scenes[0].key_frames) frame.regions[0] = region(endless, endless, endless, {0, 0, 0.1, 0.1});
  plan.scenes[0].background = endless + " \u9b54";
  const auto found = lint_plan(plan);
  EXPECT_GE(found.size(), 5u);
  for (const LintFinding& one : found) EXPECT_LE(one.message.size() + one.hint.size(), 700u) << one.rule;
}

TEST(Lint, ASilencedRuleIsNotAskedAndAMisspeltOneRefused) {
  LintOptions options;
  options.silenced = {"scene-count"};
  EXPECT_THAT(after([](Plan& plan) { plan.scenes.resize(1); }, options), IsEmpty());
  options.silenced = {"box-to-small"};
  EXPECT_THAT(test::expect_error(ErrorKind::usage, [&] { lint_plan(sound_plan(), options); }), HasSubstr("box-too-small"));
}

}  // namespace
}  // namespace dreamrunner
