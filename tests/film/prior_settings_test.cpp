#include "film/prior_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "film/film_settings.h"
#include "small_film.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

using test::expect_error;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

FilmSettings load(const std::string& text) {
  const test::TemporaryFolder folder;
  test::write_text(folder / "film.toml", text);
  return load_film_settings(folder / "film.toml");
}

PriorRecipe recipe(PriorKind kind, const std::string& text, const ModelPriors& model = {}) { return prior_choices(kind, model, load(text).priors).recipe; }

TEST(PriorRecipes, DefaultsAreThePapersWithAllLinears) {
  const PriorRecipe motion = recipe(PriorKind::motion, "");
  EXPECT_EQ(motion.rank, 32);
  EXPECT_EQ(motion.learning_rate, 5e-4);
  EXPECT_EQ(motion.linears, "all");
  EXPECT_TRUE(motion.debias && motion.spatial_loras);
  EXPECT_EQ(motion.prompts, "per-video");
  EXPECT_EQ(motion.pixel_range, "symmetric");
  EXPECT_EQ(recipe(PriorKind::subject, "").loss_frames, "first");
}

TEST(PriorRecipes, PresetsDifferWhereTheyShould) {
  const PriorRecipe code = prior_recipe(PriorKind::subject, "code", "--preset");
  EXPECT_EQ(code.num_frames, 16);
  EXPECT_EQ(code.loss_frames, "random");
  EXPECT_EQ(code.dropout, 0.1);
  EXPECT_EQ(code.pixel_range, "official");
  EXPECT_EQ(prior_recipe(PriorKind::motion, "paper", "").linears, "paper");
  EXPECT_LT(prior_recipe(PriorKind::motion, "playset", "").rank, 32);
  EXPECT_THAT(expect_error(ErrorKind::usage, [] { prior_recipe(PriorKind::motion, "papers", "--preset"); }), HasSubstr("--preset: found \"papers\""));
}

TEST(PriorRecipes, LaterWordsGoOverEarlierOnes) {
  ModelPriors model;
  model.motion = {{"steps", 11}, {"rank", 12}, {"dropout", 0.3}};
  EXPECT_EQ(recipe(PriorKind::motion, "", model).steps, 11);
  EXPECT_EQ(recipe(PriorKind::subject, "", model).steps, default_prior_recipe(PriorKind::subject).steps) << "said of motions only";
  EXPECT_EQ(recipe(PriorKind::motion, "[priors]\npreset = 'code'", model).dropout, 0.1) << "a preset goes over the model folder's recipe";
  EXPECT_EQ(recipe(PriorKind::motion, "[priors]\npreset = 'code'\nsteps = 5", model).steps, 5);
  EXPECT_EQ(recipe(PriorKind::motion, "[priors]\nsteps = 5\n[priors.motion]\nsteps = 6", model).steps, 6);
  EXPECT_EQ(recipe(PriorKind::subject, "[priors]\nsteps = 5\n[priors.motion]\nsteps = 6", model).steps, 5);
  PriorSettings settings = load("[priors]\nsteps = 5\n[priors.motion]\nsteps = 6\npreset = 'code'").priors;
  settings.command_line = {{"steps", 7}, {"preset", "paper"}};
  EXPECT_EQ(prior_choices(PriorKind::motion, model, settings).recipe.steps, 7);
  EXPECT_EQ(prior_choices(PriorKind::motion, model, settings).recipe.linears, "paper");
}

TEST(PriorRecipes, EveryNameCanBeSetAndIsChecked) {
  const std::string all = R"([priors]
steps = 10
rank = 4
learning_rate = 1e-3
weight_decay = 0
dropout = 0.2
blocks = "first-half"
linears = "paper"
num_frames = 8
prompts = "single"
loss_frames = "all"
debias = false
debias_beta = 2
spatial_loras = false
spatial_skip = 0.5
flip = 0.5
mask_background = true
pixel_range = "official"
accumulate = 2
recompute = "on"
checkpoint_every = 5
max_clips = 3
)";
  for (const std::string& name : recipe_names()) EXPECT_THAT(all, HasSubstr("\n" + name + " = "));
  const PriorChoices choices = prior_choices(PriorKind::motion, {}, load(all).priors);
  EXPECT_EQ(choices.max_clips, 3);
  EXPECT_EQ(choices.recipe.num_frames, 8);
  EXPECT_EQ(choices.recipe.debias_beta, 2);
  EXPECT_FALSE(choices.recipe.debias || choices.recipe.spatial_loras);
  EXPECT_EQ(choices.recipe.recompute, "on");
  const std::vector<std::pair<std::string, std::string>> faults = {
      {"steps = 0", "film.toml:2: priors.steps: found 0, 1 to 1000000 expected"},
      {"steps = 'many'", "priors.steps: found the text \"many\", a whole number expected"},
      {"steps = 1.5", "priors.steps: found 1.5, a whole number expected"},
      {"step = 5", "priors.step: unknown key; did you mean \"steps\"?"},
      {"rank = 9223372036854775807", "1 to 1024 expected"},
      {"learning_rate = nan", "priors.learning_rate: found nan"},
      {"learning_rate = 2", "the nearest that works is 1"},
      {"dropout = 1", "0 to 0.95 expected"},
      {"blocks = 'evn'", "did you mean \"even\"?"},
      {"debias = 'no'", "priors.debias: found the text \"no\", true or false expected"},
      {"prompts = true", "priors.prompts: found true, a text in quotes expected"},
      {"preset = 'papr'", "priors.preset: found \"papr\""},
      {"library = ''", "priors.library: found an empty text"},
      {"use = 1", "priors.use: found 1, true or false expected"},
      {"seed = -1", "priors.seed: found -1"},
      {"known_motions = [3]", "priors.known_motions: found 3 in the list"},
      {"motion = 3", "priors.motion: found 3, a table [motion] expected"},
      {"[priors.motion]\nsteps = 0", "priors.motion.steps: found 0"},
      {"[priors.subject]\nlos_frames = 'all'", "priors.subject.los_frames: unknown key; did you mean \"loss_frames\"?"},
      {"[priors.weights]\nbear = 11", "priors.weights.bear: found 11, -10 to 10 expected"},
      {"[priors.weights]\nbear = 'x'", "priors.weights.bear: found the text \"x\", a number expected"},
  };
  for (const auto& [text, words] : faults) EXPECT_THAT(expect_error(ErrorKind::usage, [&] { load("[priors]\n" + text); }), HasSubstr(words)) << text;
}

TEST(PriorRecipes, WhatHasNoSayInAKindIsLeftOutOfWhatDecides) {
  const auto decides = [](PriorKind kind, auto&& change) {
    PriorRecipe changed;
    change(changed);
    return deciding_values(kind, changed) != deciding_values(kind, {});
  };
  constexpr PriorKind kMotion = PriorKind::motion;
  constexpr PriorKind kSubject = PriorKind::subject;
  for (const PriorKind kind : {kMotion, kSubject}) {
    EXPECT_TRUE(decides(kind, [](PriorRecipe& r) { r.steps = 7; }));
    EXPECT_TRUE(decides(kind, [](PriorRecipe& r) { r.num_frames = 8; }));
    EXPECT_TRUE(decides(kind, [](PriorRecipe& r) { r.blocks = "all"; }));
    EXPECT_TRUE(decides(kind, [](PriorRecipe& r) { r.prompts = "single"; }));
    EXPECT_FALSE(decides(kind, [](PriorRecipe& r) { r.recompute = "on"; })) << "the same numbers from less memory";
    EXPECT_FALSE(decides(kind, [](PriorRecipe& r) { r.checkpoint_every = 1; }));
  }
  EXPECT_TRUE(decides(kMotion, [](PriorRecipe& r) { r.debias = false; }));
  EXPECT_FALSE(decides(kSubject, [](PriorRecipe& r) { r.debias = false; }));
  EXPECT_FALSE(decides(kSubject, [](PriorRecipe& r) { r.spatial_skip = 0.9; }));
  EXPECT_TRUE(decides(kSubject, [](PriorRecipe& r) { r.loss_frames = "all"; }));
  EXPECT_FALSE(decides(kMotion, [](PriorRecipe& r) { r.loss_frames = "all"; }));
  EXPECT_FALSE(decides(kMotion, [](PriorRecipe& r) { r.mask_background = true; }));
}

TEST(ModelPriorsFile, IsReadAndItsFaultsAreTheFiles) {
  const test::TemporaryFolder folder;
  EXPECT_TRUE(load_model_priors(folder.path()).knows.empty()) << "without the file nothing is said";
  const auto load_text = [&](const std::string& text) {
    test::write_text(folder / "priors.json", text);
    return load_model_priors(folder.path());
  };
  const ModelPriors priors = load_text(R"({"schema": 1, "knows": ["walking"], "motion": {"steps": 3}, "subject": {"rank": 4, "max_clips": 2}})");
  EXPECT_THAT(priors.knows, ElementsAre("walking"));
  EXPECT_EQ(priors.motion["steps"], 3);
  EXPECT_EQ(prior_choices(PriorKind::subject, priors, {}).max_clips, 2);
  for (const auto& [text, words] : std::vector<std::pair<std::string, std::string>>{{"[]", "schema: 1 expected"},
                                                                                     {R"({"schema": 2})", "schema: 1 expected"},
                                                                                     {R"({"schema": 1, "knows": "walking"})", "knows: a list"},
                                                                                     {R"({"schema": 1, "knows": [1]})", "knows: found 1"},
                                                                                     {R"({"schema": 1, "motion": []})", "motion: an object expected"},
                                                                                     {R"({"schema": 1, "motion": {"stps": 3}})", "motion.stps: unknown key; did you mean \"steps\"?"},
                                                                                     {R"({"schema": 1, "subject": {"steps": -3}})", "subject.steps: found -3"}}) {
    const std::string line = expect_error(ErrorKind::input_file, [&] { load_text(text); });
    EXPECT_THAT(line, HasSubstr("priors.json: ")) << text;
    EXPECT_THAT(line, HasSubstr(words)) << text;
  }
}

TEST(ModelPriorsFile, ThePlaysetsNamesMotionsItKnows) {
  const ModelPriors priors = load_model_priors(std::filesystem::path(DREAMRUNNER_SOURCE_DIR) / "models/playset");
  EXPECT_THAT(priors.knows, Contains("walking"));
  EXPECT_THAT(priors.knows, ::testing::Not(Contains("cartwheeling")));
}

TEST(PriorWeights, AreReadFromTheCommandLine) {
  EXPECT_EQ(parse_prior_weight("bear=0.5", "--prior-weight"), std::pair(std::string("bear"), 0.5));
  EXPECT_EQ(parse_prior_weight("bear=-1", "--prior-weight").second, -1);
  for (const char* text : {"bear", "=1", "bear=", "bear=x", "bear=1x", "bear=nan", "bear=11", "bear=1,5"}) {
    EXPECT_THAT(expect_error(ErrorKind::usage, [&] { parse_prior_weight(text, "--prior-weight"); }), HasSubstr("--prior-weight: found")) << text;
  }
}

}  // namespace
}  // namespace dreamrunner
