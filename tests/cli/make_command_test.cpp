#include <chrono>
#include <csignal>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "film/film_folder.h"
#include "film/small_film.h"
#include "support/program_run.h"

namespace dreamrunner::test {
namespace {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;

/// The program beside the paced engine: 20 ms a step.
const fs::path kProgram = fs::path(PACED_FOLDER) / "dreamrunner";

ProgramResult make(const SmallFilm& film, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"make", film.root().string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return ProgramRun(kProgram, arguments).finish();
}

TEST(MakeCommand, MakesAFilmAndThenHasNothingToDo) {
  const SmallFilm film(2);
  const ProgramResult first = make(film);
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_TRUE(fs::exists(film / "film.mp4"));
  EXPECT_THAT(first.out, HasSubstr("scene 1: denoised in"));
  EXPECT_THAT(first.out, HasSubstr("film.mp4  made in"));
  EXPECT_THAT(first.out, HasSubstr("scenes of 8 pictures, 48 x 32, fp32 on cpu"));
  EXPECT_THAT(first.err, HasSubstr("scene 2: denoising  done in"));
  EXPECT_THAT(first.err, HasSubstr("note: a caption was cut\n"));
  EXPECT_EQ(first.err.find('\x1b'), std::string::npos) << "no bar without a terminal";

  const ProgramResult second = make(film);
  EXPECT_EQ(second.code, 0);
  EXPECT_THAT(second.out, EndsWith("film.mp4 is up to date\n"));
  EXPECT_EQ(second.err, "");
}

TEST(MakeCommand, WithJsonEveryLineIsAnEvent) {
  const SmallFilm film(1);
  const ProgramResult result = make(film, {"--json"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  std::map<std::string, int> counts;
  for (const Json& event : result.events()) ++counts[event.at("event").get<std::string>()];
  EXPECT_GE(counts["begin"], 1);
  EXPECT_EQ(counts["begin"], counts["end"]);
  EXPECT_GE(counts["advance"], 1);
  EXPECT_EQ(counts["note"], 1);
  const Json done = result.events().back();
  EXPECT_EQ(done.at("event"), "done");
  EXPECT_EQ(done.at("film"), (film / "film.mp4").string());
  EXPECT_EQ(done.at("scenes").at(0).at("denoised"), true);
  EXPECT_EQ(done.at("format").at("num_frames"), 8);
}

TEST(MakeCommand, OptionsGoOverFilmToml) {
  const SmallFilm film(1);
  EXPECT_EQ(make(film, {"--steps", "2", "--seed", "5"}).code, 0);
  EXPECT_THAT(make(film, {"--steps", "2", "--seed", "5"}).out, HasSubstr("is up to date"));
  EXPECT_THAT(make(film, {"--steps", "3", "--seed", "5"}).out, HasSubstr("scene 1: denoised in"));
  const ProgramResult wrong = make(film, {"--steps", "0"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("--steps"));
}

TEST(GenerateCommand, MakesOneSceneAndJoinsNothing) {
  const SmallFilm film(3);
  const ProgramResult result = ProgramRun(kProgram, {"generate", film.root().string(), "--scene", "2"}).finish();
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("scenes/02/scene.mp4  made in"));
  EXPECT_TRUE(fs::exists(film / "scenes/02/scene.mp4"));
  EXPECT_FALSE(fs::exists(film / "scenes/01"));
  EXPECT_FALSE(fs::exists(film / "film.mp4"));
  EXPECT_EQ(ProgramRun(kProgram, {"generate", film.root().string(), "--scene", "4"}).finish().code, 2);
}

TEST(MakeCommand, EveryKindOfFailureHasItsCode) {
  const std::vector<std::tuple<std::string, int, std::string>> cases = {
      {"nan", 8, "error: scene 1: step 1: latents hold NaN; try --dtype fp32\n"},
      {"greedy", 9, "error: memory ran out; "},
      {"faulty", 70, "error: this should not happen: an index; out of range; please report it "},
  };
  for (const auto& [mood, code, line] : cases) {
    const SmallFilm film(1);
    const ProgramResult result = make(film, {"--negative-prompt", mood});
    EXPECT_EQ(result.code, code);
    EXPECT_THAT(result.err, HasSubstr(line));
    EXPECT_FALSE(fs::exists(film / "film.mp4"));
  }
}

TEST(MakeCommand, AHeldFolderIsCode7) {
  const SmallFilm film(1);
  const FolderLock lock{FilmFolder(film.root())};
  const ProgramResult result = make(film);
  EXPECT_EQ(result.code, 7) << result.err;
  EXPECT_THAT(result.err, HasSubstr(std::to_string(::getpid())));
}

class StoppedRun : public testing::TestWithParam<std::pair<int, int>> {};

TEST_P(StoppedRun, EndsSoonSaysHowToGoOnAndGoesOn) {
  const auto [signal, code] = GetParam();
  const SmallFilm film(2);
  const std::vector<std::string> arguments = {"make", film.root().string(), "--steps", "150", "--json"};
  ProgramRun run(kProgram, arguments);
  ASSERT_TRUE(run.wait_for_output("\"advance\",\"stage\":\"scene 2")) << run.err_so_far();
  const auto start = std::chrono::steady_clock::now();
  run.send(signal);
  const ProgramResult result = run.finish();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  EXPECT_EQ(result.code, code);
  EXPECT_THAT(result.err, HasSubstr("error: stopped; run the same command again to go on\n"));
  EXPECT_EQ(result.events().back().at("code"), code);
  EXPECT_TRUE(fs::exists(film / "scenes/01/scene.mp4"));

  const ProgramResult again = ProgramRun(kProgram, arguments).finish();
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.events().back().at("scenes").at(0).at("denoised"), false) << "scene 1 was done";
  EXPECT_TRUE(fs::exists(film / "film.mp4"));
}

INSTANTIATE_TEST_SUITE_P(Signals, StoppedRun, testing::Values(std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}));

/// A run whose engine does not listen, stopped once.
class DeafRun : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(run_.wait_for_output("advance")) << run_.err_so_far();
    run_.send(SIGINT);
    for (int i = 0; i < 500 && run_.err_so_far().find("stopping") == std::string::npos; ++i) ::usleep(10'000);
    ASSERT_THAT(run_.err_so_far(), HasSubstr("stopping; once more ends it at once"));
  }

  SmallFilm film_{1};
  ProgramRun run_{kProgram, {"make", film_.root().string(), "--steps", "1000", "--negative-prompt", "deaf", "--json"}};
};

TEST_F(DeafRun, IsKilledByTheSecondSignal) {
  run_.send(SIGINT);
  const ProgramResult result = run_.finish();
  EXPECT_EQ(result.signal, SIGINT);
}

TEST_F(DeafRun, EndsByItselfWithinSeconds) {
  const auto start = std::chrono::steady_clock::now();
  const ProgramResult result = run_.finish();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(9));
  EXPECT_EQ(result.code, 130);
  EXPECT_THAT(result.err, EndsWith("error: stopped; run the same command again to go on\n"));
}

}  // namespace
}  // namespace dreamrunner::test
