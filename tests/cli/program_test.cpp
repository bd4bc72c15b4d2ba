#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program_run.h"

namespace dreamrunner::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

/// Whether `text` is one line.
bool is_one_line(const std::string& text) { return !text.empty() && text.find('\n') == text.size() - 1; }

TEST(Program, HelpNamesEveryCommandTheMainPathFirst) {
  const ProgramResult help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  size_t last = 0;
  for (const char* word :
       {"dreamrunner make examples/witch", "\n  make ", "\n  generate ", "\n  inspect ", "\n  doctor ", "\n  forward "}) {
    const size_t at = help.out.find(word);
    ASSERT_NE(at, std::string::npos) << word;
    EXPECT_GT(at, last) << word;
    last = at;
  }
  EXPECT_EQ(run({}).out, help.out);
  EXPECT_EQ(run({"-h"}).out, help.out);
}

TEST(Program, EveryCommandHasHelp) {
  for (const char* command : {"make", "generate", "inspect", "doctor", "forward"}) {
    const ProgramResult help = run({command, "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, HasSubstr(std::string("Usage: dreamrunner ") + command));
    EXPECT_THAT(help.out, HasSubstr("--json"));
  }
}

TEST(Program, VersionIsOneLine) {
  const ProgramResult version = run({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_THAT(version.out, MatchesRegex("dreamrunner [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

struct UsageCase {
  std::vector<std::string> arguments;
  std::string line;
};

TEST(Program, UsageErrorsAreOneLineWithAHintAndCode2) {
  const std::vector<UsageCase> cases = {
      {{"mak", "film"}, "error: mak: unknown command; did you mean make?\n"},
      {{"xyzzy"}, "error: xyzzy: unknown command; see `dreamrunner --help`\n"},
      {{"make"}, "error: FILM is required; see `dreamrunner make --help`\n"},
      {{"generate", "film"}, "error: --scene is required; see `dreamrunner generate --help`\n"},
      {{"make", "film", "--stpes", "3"}, "error: --stpes: unknown option; did you mean --steps?\n"},
      {{"make", "film", "--negative-promt=x"}, "error: --negative-promt: unknown option; did you mean --negative-prompt?\n"},
      {{"make", "film", "other"}, "error: other: unknown argument; see `dreamrunner make --help`\n"},
      {{"make", "film", "--steps", "many"}, "error: --steps = many: cannot be used as a number; see `dreamrunner make --help`\n"},
      {{"forward", "transfomer"},
       "error: transfomer: unknown part, one of tokens, text-encoder, transformer, regions, vae-encode, vae-decode, denoise, video-write, "
       "clip-text, clip-image, viclip, yolov5, frames "
       "expected; did you mean transformer?\n"},
  };
  for (const UsageCase& usage : cases) {
    const ProgramResult result = run(usage.arguments);
    EXPECT_EQ(result.code, 2) << usage.line;
    EXPECT_EQ(result.err, usage.line);
    EXPECT_EQ(result.out, "");
  }
}

TEST(Program, WithJsonAnErrorIsAnEventToo) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"make", "--json", "--stpes", "3"},
                                                    {"inspect", "/nowhere/at/all", "--json"},
                                                    {"make", "/nowhere/at/all", "--json"}}) {
    const ProgramResult result = run(arguments);
    const std::vector<Json> events = result.events();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].at("event"), "error");
    EXPECT_EQ(events[0].at("code"), result.code);
    EXPECT_TRUE(is_one_line(result.err)) << result.err;
    EXPECT_THAT(result.err, StartsWith("error: "));
  }
}

TEST(Program, AFilmThatIsNotThereIsCode3AndNamesIt) {
  const ProgramResult result = run({"make", "/nowhere/at/all"});
  EXPECT_EQ(result.code, 3);
  EXPECT_TRUE(is_one_line(result.err)) << result.err;
  EXPECT_THAT(result.err, HasSubstr("/nowhere/at/all"));
}

TEST(Program, DoctorSaysWhatIsThereAndWhatIsMissing) {
  const ProgramResult result = run({"doctor", "--json"});
  EXPECT_EQ(result.code, 0) << result.err;
  const Json report = Json::parse(result.out);
  EXPECT_GE(report.at("processor").at("threads").get<int>(), 1);
  EXPECT_GT(report.at("memory").at("total_bytes").get<uint64_t>(), 0u);
  EXPECT_THAT(report.at("models").at("playset").get<std::string>(), EndsWith("models/playset"));
  EXPECT_TRUE(report.at("video").at("x264").get<bool>());
  EXPECT_EQ(report.at("video_decoder").at("process"), "starts");
  EXPECT_TRUE(report.at("missing").is_array());
  EXPECT_THAT(run({"doctor"}).out, HasSubstr("issing"));
}

TEST(Program, DoctorTellsTheTwoWaysToAModel) {
  TemporaryFolder empty;
  // A program away from the source tree, with no shelf and no cache.
  std::filesystem::copy_file(program(), empty / "dreamrunner");
  const ProgramResult result = ProgramRun(empty / "dreamrunner", {"doctor"}, "", {{"DREAMRUNNER_MODELS", ""}}).finish();
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, HasSubstr("- engine: "));
  EXPECT_THAT(result.out, HasSubstr("- a model: `playset` comes with the source"));
  EXPECT_THAT(result.out, HasSubstr("download THUDM/CogVideoX-2b"));
}

TEST(Program, WithoutAnEngineMakeSaysHowToGetOne) {
  TemporaryFolder folder;
  std::filesystem::copy_file(program(), folder / "dreamrunner");
  const ProgramResult result =
      ProgramRun(folder / "dreamrunner", {"forward", "vae-decode", "--model", "playset", "--in", "a", "--out", "b"}).finish();
  EXPECT_EQ(result.code, 3);
  EXPECT_TRUE(is_one_line(result.err)) << result.err;
  EXPECT_THAT(result.err, HasSubstr("make build"));
}

}  // namespace
}  // namespace dreamrunner::test
