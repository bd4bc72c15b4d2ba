#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "film/retrieved_film.h"
#include "support/program_run.h"

namespace dreamrunner::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::SizeIs;

const fs::path kProgram = fs::path(PACED_FOLDER) / "dreamrunner";
/// The synthetic models give texts numbers of their own; all of them are above this.
const char* const kAllPass = "0";

ProgramResult run(const RetrievedFilm& film, const std::string& command, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {command, film.root().string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return ProgramRun(kProgram, arguments).finish();
}

TEST(RetrieveCommand, TellsWhatWasKeptAndDropped) {
  const RetrievedFilm film(kAllPass);
  const ProgramResult first = run(film, "retrieve");
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("motion picking-up: 5 clips of 6 candidates in "));
  EXPECT_THAT(first.out, HasSubstr("(dropped: 1 missing)"));
  EXPECT_EQ(run(film, "retrieve").out, "motion picking-up: 5 clips, fresh\n");
  const ProgramResult json = run(film, "retrieve", {"--force", "--max-clips", "2", "--json"});
  ASSERT_EQ(json.code, 0) << json.err;
  const Json motion = json.events().back().at("motions").at(0);
  EXPECT_EQ(motion.at("motion"), "picking-up");
  EXPECT_EQ(motion.at("kept"), 2);
  EXPECT_EQ(motion.at("fates").at("surplus"), 3);
  EXPECT_TRUE(fs::exists(fs::path(motion.at("folder").get<std::string>()) / "sheet.png"));
}

TEST(RetrieveCommand, EveryOptionReachesTheRetrieval) {
  const RetrievedFilm film(kAllPass);
  const ProgramResult result = run(film, "retrieve", {"--motion", "picking-up", "--subject", "dog", "--top", "50", "--cut", "crop", "--threshold", "-1", "--max-clips", "3", "--library",
                                                      (film.root() / "../clips/catalogue").string(), "--scorers", (film.root() / "../scorers").string()});
  ASSERT_EQ(result.code, 0) << result.err;
  const Json inputs = read_json_file(film.root() / "motions/picking-up/report.json").at("inputs");
  EXPECT_EQ(inputs.at("motion"), "picking up");
  const Json expected = {{"subject", "dog"}, {"top", 50}, {"cut", "crop"}, {"threshold", -1.0}, {"max_clips", 3}};
  for (const auto& [name, value] : expected.items()) EXPECT_EQ(inputs.at("settings").at(name), value) << name;
  EXPECT_EQ(run(film, "retrieve", {"--no-clip-filter", "--cut", "off"}).code, 0);
  EXPECT_EQ(read_json_file(film.root() / "motions/picking-up/report.json").at("inputs").at("settings").at("clip_filter"), false);
}

TEST(RetrieveCommand, MissingVideosOneALine) {
  const RetrievedFilm film(kAllPass);
  EXPECT_EQ(run(film, "retrieve", {"--missing"}).out, "later.mp4\t0\t2\tpicking-up\n");
  const ProgramResult json = run(film, "retrieve", {"--missing", "--json"});
  ASSERT_THAT(json.events(), SizeIs(1));
  EXPECT_EQ(json.events()[0].at("id"), "later");
  EXPECT_EQ(json.events()[0].at("end"), 2.0);
}

TEST(RetrieveCommand, TimesOfMissingVideosHaveAllTheirDigits) {
  RetrievedFilm film(kAllPass);
  film.library.list({{"id", "late"}, {"path", "late.mp4"}, {"caption", "a person is picking up"}, {"start", "01:08:45.128"}, {"end", 4130.345678}});
  film.library.save();
  EXPECT_THAT(run(film, "retrieve", {"--missing"}).out, HasSubstr("late.mp4\t4125.128\t4130.345678\tpicking-up\n"));
}

TEST(RetrieveCommand, AMotionLeftWithoutClipsIsExitCodeThree) {
  const RetrievedFilm film(kAllPass);
  const ProgramResult nothing = run(film, "retrieve", {"--motion", "juggling"});
  EXPECT_EQ(nothing.code, 3);
  EXPECT_THAT(nothing.out, HasSubstr("no caption holds a word of \"juggling\""));
  fs::remove_all(film.library.folder());
  EXPECT_EQ(run(film, "retrieve").code, 3);
  const RetrievedFilm other;
  for (const char* name : {"a", "b", "c", "d", "e"}) fs::remove(other.library.folder() / (std::string(name) + ".mp4"));
  const ProgramResult gone = run(other, "retrieve");
  EXPECT_EQ(gone.code, 3);
  EXPECT_THAT(gone.out, HasSubstr("0 clips of 6 candidates"));
  EXPECT_THAT(gone.err, HasSubstr(other.root().lexically_normal().string() + ": no clips are left for picking-up"));
  EXPECT_TRUE(fs::exists(other.root() / "motions/picking-up/report.json")) << "the reasons are there to be read";
}

TEST(RetrieveCommand, MistakesOfTheCommandLine) {
  const RetrievedFilm film(kAllPass);
  EXPECT_THAT(run(film, "retrieve", {"--cut", "trin"}).err, HasSubstr("did you mean"));
  EXPECT_EQ(run(film, "retrieve", {"--cut", "trin"}).code, 2);
  EXPECT_EQ(run(film, "retrieve", {"--max-clips", "0"}).code, 2);
  EXPECT_EQ(run(film, "retrieve", {"--threshold", "2"}).code, 2);
  EXPECT_EQ(run(film, "retrieve", {"--motion", "../x"}).code, 2);
  EXPECT_EQ(run(film, "retrieve", {"--subject", ""}).code, 2);
  EXPECT_EQ(run(film, "retrieve", {"--subject", "caf\xe9"}).code, 2);
  EXPECT_EQ(run(film, "retrieve", {"--library", ""}).code, 2);
  EXPECT_EQ(run(film, "retrieve", {"--scorers", ""}).code, 2);
}

TEST(RetrieveCommand, MakeSaysWhatItRetrieved) {
  const RetrievedFilm film(kAllPass);
  const ProgramResult made = run(film, "make");
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("motion picking-up: 5 clips of 6 candidates in "));
  EXPECT_THAT(made.out, HasSubstr("motion picking-up: learnt from 5 clips in "));
  EXPECT_EQ(run(film, "make", {"--no-rag"}).code, 0);
}

}  // namespace
}  // namespace dreamrunner::test
