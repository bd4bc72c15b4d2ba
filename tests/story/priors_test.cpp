#include "story/priors.h"

#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

Plan sample() {
  Plan plan;
  plan.characters = {{"witch", "[v1]", "girl witch"}};
  plan.motions = {{"walking", {"walking", "strolling  to the LEFT"}}, {"waving", {"waving"}}};
  return plan;
}

TEST(WantedPriors, ComeFromIdsAndListedPhrases) {
  const Plan plan = sample();
  EXPECT_EQ(wanted_priors(plan, {"witch", "walking", "x", {}, ""}), (WantedPriors{"witch", "walking"}));
  EXPECT_EQ(wanted_priors(plan, {"witch", " Strolling to the left", "x", {}, ""}), (WantedPriors{"witch", "walking"}));
  EXPECT_EQ(wanted_priors(plan, {"a girl witch", "waving", "a [v1] girl witch", {}, ""}), (WantedPriors{"", "waving"})) << "a name is no id";
  EXPECT_EQ(wanted_priors(plan, {"witch", "none", "is walking", {}, ""}), (WantedPriors{"witch", ""})) << "captions are not read";
  EXPECT_EQ(wanted_priors(plan, {"witch", "walks", "x", {}, ""}), (WantedPriors{"witch", ""})) << "nothing is guessed";
}

TEST(WantedPriors, AnIdInTheRegionGoesFirst) {
  EXPECT_EQ(wanted_priors(sample(), {"witch", "walking", "x", {}, "waving"}), (WantedPriors{"witch", "waving"}));
}

TEST(FindToken, TakesWholeOnesOnly) {
  EXPECT_EQ(find_token("a sks girl", "sks"), 2u);
  EXPECT_EQ(find_token("masks of a sks girl", "sks"), 11u);
  EXPECT_EQ(find_token("masks", "sks"), std::string_view::npos);
  EXPECT_TRUE(holds_token("a[v1]girl", "[v1]"));
  EXPECT_FALSE(holds_token("v10", "v1"));
}

TEST(NormalPhrase, ForgetsCaseAndBlanks) {
  EXPECT_EQ(normal_phrase("  Walking \t to\nthe  Left "), "walking to the left");
  EXPECT_EQ(normal_phrase(" "), "");
  EXPECT_EQ(normal_phrase("\u00c4"), "\u00c4") << "only ASCII letters have a case here";
}

}  // namespace
}  // namespace dreamrunner
