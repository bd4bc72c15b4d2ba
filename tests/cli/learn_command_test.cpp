#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "film/prior_film.h"
#include "support/program_run.h"

namespace dreamrunner::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

const fs::path kProgram = fs::path(PACED_FOLDER) / "dreamrunner";

ProgramResult learn(const PriorFilm& film, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"learn", film.root().string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return ProgramRun(kProgram, arguments).finish();
}

TEST(LearnCommand, LearnsThenReuses) {
  const PriorFilm film;
  const ProgramResult first = learn(film);
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("motion cartwheeling: learnt from 2 clips in "));
  EXPECT_THAT(first.out, HasSubstr("character bear: learnt from 2 pictures in "));
  EXPECT_THAT(first.out, HasSubstr("library"));
  const ProgramResult second = learn(film);
  EXPECT_EQ(second.out, "motion cartwheeling: reused, learnt before\ncharacter bear: reused, learnt before\n");
  EXPECT_THAT(learn(film, {"--character", "bear", "--force"}).out, HasSubstr("character bear: learnt"));
}

TEST(LearnCommand, EveryOptionOfTheRecipeReachesIt) {
  const PriorFilm film;
  const ProgramResult result = learn(film, {"--motion", "cartwheeling", "--preset", "paper", "--steps", "7", "--rank", "3", "--learning-rate", "0.01", "--blocks", "all", "--no-debias",
                                            "--prompts", "single", "--no-spatial-loras", "--max-clips", "1", "--num-frames", "8", "--dropout", "0.25", "--flip", "0.5", "--linears", "all",
                                            "--recompute", "on", "--accumulate", "2", "--weight-decay", "0", "--pixel-range", "official", "--seed", "4", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const Json done = result.events().back();
  const Json prior = done.at("priors").at(0);
  EXPECT_EQ(prior.at("kind"), "motion");
  EXPECT_EQ(prior.at("source"), "learnt");
  EXPECT_EQ(prior.at("steps"), 7);
  const Json inputs = read_json_file(fs::path(prior.at("file").get<std::string>()).parent_path() / "record.json").at("inputs");
  EXPECT_EQ(inputs.at("seed"), 4);
  EXPECT_EQ(inputs.at("examples").size(), 1u);
  const Json expected = {{"steps", 7},           {"rank", 3},          {"learning_rate", 0.01}, {"weight_decay", 0.0}, {"dropout", 0.25},
                         {"blocks", "all"},      {"linears", "all"},   {"num_frames", 8},       {"prompts", "single"}, {"debias", false},
                         {"spatial_loras", false}, {"flip", 0.5},      {"pixel_range", "official"}, {"accumulate", 2}};
  for (const auto& [name, value] : expected.items()) EXPECT_EQ(inputs.at("recipe").at(name), value) << name;
  const ProgramResult subject = learn(film, {"--character", "bear", "--loss-frames", "all", "--mask-background", "--json"});
  ASSERT_EQ(subject.code, 0) << subject.err;
  const Json recipe = read_json_file(fs::path(subject.events().back().at("priors").at(0).at("file").get<std::string>()).parent_path() / "record.json").at("inputs").at("recipe");
  EXPECT_EQ(recipe.at("loss_frames"), "all");
  EXPECT_EQ(recipe.at("mask_background"), true);
}

TEST(LearnCommand, ARecipeOfTheCommandLineSaysHowToKeepIt) {
  const PriorFilm film;
  EXPECT_THAT(learn(film, {"--steps", "3"}).out, HasSubstr("write it under [priors]"));
  EXPECT_THAT(learn(film).out, Not(HasSubstr("write it under [priors]")));
}

TEST(LearnCommand, FaultsHaveTheirCodes) {
  const PriorFilm film;
  for (const auto& [more, code, words] : std::vector<std::tuple<std::vector<std::string>, int, std::string>>{
           {{"--steps", "0"}, 2, "--steps: found 0"},
           {{"--steps", "x"}, 2, "--steps"},
           {{"--sample-every", "-1"}, 2, "--sample-every: found -1"},
           {{"--blocks", "evn"}, 2, "--blocks: found \"evn\""},
           {{"--preset", "papers"}, 2, "--preset: found \"papers\""},
           {{"--motion", "bowing"}, 3, "motion bowing: nothing to learn it from"},
           {{"--character", "baer"}, 2, "did you mean \"bear\"?"},
           {{"--stepz", "3"}, 2, "did you mean --steps?"}}) {
    const ProgramResult result = learn(film, more);
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(words));
  }
  EXPECT_FALSE(fs::exists(film.library()));
}

TEST(MakeCommandPriors, LearnsOnTheWayAndTakesItsOptions) {
  const PriorFilm film;
  const auto make = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"make", film.root().string(), "--steps", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return ProgramRun(kProgram, arguments).finish();
  };
  const ProgramResult first = make({});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("motion cartwheeling: learnt from 2 clips"));
  EXPECT_THAT(make({"--prior-weight", "cartwheeling=0.5"}).out, HasSubstr("motion cartwheeling: reused"));
  EXPECT_THAT(make({"--no-priors"}).out, Not(HasSubstr("cartwheeling")));
  EXPECT_THAT(make({"--priors", "off"}).out, HasSubstr("is up to date"));
  EXPECT_THAT(make({"--lora-scope", "global", "--lora-text-tokens", "off"}).out, HasSubstr("scene 1: denoised"));
  EXPECT_EQ(make({"--lora-scope", "here"}).code, 2);
  EXPECT_EQ(make({"--prior-weight", "bear"}).code, 2);
  EXPECT_EQ(make({"--strict", "--no-wait"}).code, 0);
  const ProgramResult json = make({"--json", "--prior-weight", "bear=0.25"});
  EXPECT_EQ(json.events().back().at("priors").at(0).at("source"), "reused");
}

}  // namespace
}  // namespace dreamrunner::test
