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

/// The exit code of the program in a shell, with what it prints on standard error.
std::pair<int, std::string> in_shell(const std::string& arguments) {
  const ProgramResult result = ProgramRun("/bin/bash", {"-c", "set -o pipefail; '" + program().string() + "' " + arguments}).finish();
  return {result.code, result.err};
}

TEST(Program, WhatCannotBePrintedIsAnErrorOfStorage) {
  for (const char* arguments : {"--version", "--help", "make --help", "doctor", "doctor --json"}) {
    SCOPED_TRACE(arguments);
    const auto [full, said] = in_shell(std::string(arguments) + " > /dev/full");
    EXPECT_EQ(full, 6);
    EXPECT_EQ(said, "error: standard output: No space left on device\n");
    const auto [closed, words] = in_shell(std::string(arguments) + " >&-");
    EXPECT_EQ(closed, 6);
    EXPECT_EQ(words, "error: standard output: Bad file descriptor\n");
  }
  EXPECT_EQ(in_shell("--version 2>&- <&-").first, 0);
}

TEST(Program, AReaderWhoHasGoneIsNoError) {
  EXPECT_EQ(in_shell("--help | true").second, "");
  EXPECT_EQ(in_shell("doctor | head -n 1 > /dev/null").second, "");
  // The same where the signal of a broken pipe is ignored, as some programs leave it to their children.
  EXPECT_EQ(ProgramRun("/bin/bash", {"-c", "trap '' PIPE; { sleep 0.2; '" + program().string() + "' --help; echo $? >&2; } | true"}).finish().err, "0\n");
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
