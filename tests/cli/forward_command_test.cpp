#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "film/model_fingerprint.h"
#include "support/program_run.h"

namespace dreamrunner::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kTinyClip = DREAMRUNNER_SOURCE_DIR "/tests/golden/scorers/clip";

std::filesystem::path paced_program() { return std::filesystem::path(PACED_FOLDER) / "dreamrunner"; }

ProgramResult tokens(const std::vector<std::string>& more, const std::string& input = "") {
  std::vector<std::string> arguments = {"forward", "tokens", "--model", "playset"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run(arguments, input);
}

// The ids are those of transformers' T5Tokenizer on models/playset/tokenizer; tests/text has the whole comparison.
TEST(ForwardTokens, PrintsIdsWithTheEndToken) {
  const ProgramResult result = tokens({"--text", "a red witch is walking"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "5 28 49 4 17 1\n");
}

TEST(ForwardTokens, ReadsATextALine) {
  EXPECT_EQ(tokens({}, "a red witch is walking\n\na red witch is walking").out, "5 28 49 4 17 1\n1\n5 28 49 4 17 1\n");
  EXPECT_EQ(tokens({}, "").out, "");
}

TEST(ForwardTokens, ALiteralEndTokenIsText) {
  const std::string ids = tokens({"--text", "</s>"}).out;
  EXPECT_THAT(ids, EndsWith(" 1\n"));
  EXPECT_THAT(ids, testing::Not(StartsWith("1 "))) << "the reference would give 1 1";
}

TEST(ForwardTokens, CutsAtTheModelsTextLength) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "a red witch ";
  const ProgramResult result = tokens({"--text", text, "--json"});
  const Json event = result.events().at(0);
  EXPECT_EQ(event.at("ids").size(), 32u) << "max_text_seq_length of the playset's transformer";
  EXPECT_EQ(event.at("ids").back(), 1);
  EXPECT_EQ(event.at("length"), 301);
  EXPECT_EQ(event.at("cut"), true);
}

TEST(ForwardTokens, NeedsNoEngineAndNoWholeModel) {
  TemporaryFolder folder;
  std::filesystem::copy_file(program(), folder / "dreamrunner");
  std::filesystem::create_directory(folder / "model");
  std::filesystem::copy(DREAMRUNNER_SOURCE_DIR "/models/playset/tokenizer", folder / "model/tokenizer");
  const ProgramResult result =
      ProgramRun(folder / "dreamrunner", {"forward", "tokens", "--model", (folder / "model").string(), "--text", "a red witch is walking"})
          .finish();
  EXPECT_EQ(result.out, "5 28 49 4 17 1\n") << result.err;
}

TEST(Forward, WhatAPartNeedsIsSaidBeforeAnythingIsOpened) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"tokens", "--text", "x"}, "tokens: --model is missing"},
      {{"transformer", "--in", "a", "--out", "b"}, "transformer: --model is missing"},
      {{"vae-decode", "--model", "playset", "--out", "b"}, "vae-decode: --in is missing"},
      {{"vae-decode", "--model", "playset", "--in", "a"}, "vae-decode: --out is missing"},
      {{"regions", "--out", "a"}, "regions: --plan is missing"},
      {{"regions", "--out", "a", "--plan", "p"}, "regions: --scene is missing"},
      {{"regions", "--out", "a", "--plan", "p", "--scene", "1"}, "regions: --grid is missing"},
      {{"regions", "--out", "a", "--plan", "p", "--scene", "1", "--grid", "8x6"}, "--grid: found \"8x6\", FxHxW in tokens expected"},
      {{"regions", "--out", "a", "--plan", "p", "--scene", "1", "--grid", "8x6x9x1"}, "--grid: found"},
      {{"regions", "--out", "a", "--plan", "p", "--scene", "1", "--grid", "8x0x9"}, "--grid: found"},
      {{"regions", "--out", "a", "--plan", "p", "--scene", "1", "--grid", "-8x6x9"}, "--grid: found"},
      {{"regions", "--out", "a", "--plan", "p", "--scene", "1", "--grid", "99999x99999x99999"}, "--grid: found"},
      {{"regions", "--out", "a", "--plan", "p", "--scene", "-1", "--grid", "8x6x9"}, "--scene: found -1"},
      {{"video-write", "--out", "a"}, "video-write: --in is missing"},
      {{"clip-text", "--text", "a dog", "--out", "a"}, "clip-text: --model is missing"},
      {{"clip-text", "--model", kTinyClip, "--text", "a dog"}, "clip-text: --out is missing"},
      {{"clip-image", "--model", kTinyClip, "--out", "a"}, "clip-image: --in is missing"},
      {{"viclip", "--model", kTinyClip, "--out", "a"}, "viclip: --in is missing"},
      {{"frames", "--out", "a"}, "frames: --video is missing"},
      {{"frames", "--out", "a", "--video", "v", "--count", "0"}, "--count: found 0, 1 to 100000 expected"},
      {{"denoise", "--model", "playset", "--in", "a", "--out", "b", "--steps", "0"}, "--steps: found 0, 1 to 1000 expected"},
  };
  for (const auto& [words, message] : cases) {
    std::vector<std::string> arguments = {"forward"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.code, 2) << message;
    EXPECT_THAT(result.err, StartsWith("error: " + message));
  }
}

TEST(Forward, RegionsPrintsTheCaptionsOneALine) {
  TemporaryFolder folder;
  std::ofstream(folder / "plan.txt")
      << "Background: a quiet forest\nFrame_1: [[\"bear\", \"walking\", \"a bear is walking\"], [0, 0, 0.5, 1]]\n";
  const std::vector<std::string> arguments = {"forward", "regions", "--plan", (folder / "plan.txt").string(),     "--scene", "1",
                                              "--grid",  "8x6x9",   "--out",  (folder / "r.safetensors").string()};
  EXPECT_EQ(ProgramRun(paced_program(), arguments).finish().out, "a bear is walking\na quiet forest\n");
  std::vector<std::string> with_json = arguments;
  with_json.push_back("--json");
  const Json done = ProgramRun(paced_program(), with_json).finish().events().at(0);
  EXPECT_EQ(done.at("captions"), (Json{"a bear is walking", "a quiet forest"}));
}

TEST(Forward, SaysOfALoraThatItWasLearntOnAnotherModel) {
  const std::filesystem::path golden = std::filesystem::path(DREAMRUNNER_SOURCE_DIR) / "tests/golden";
  const std::filesystem::path ours = golden / "adapters/ours", model = golden / "models/tiny-2b";
  const auto said = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"forward", "transformer", "--in", "a", "--out", "b"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramResult result = ProgramRun(paced_program(), arguments).finish();
    EXPECT_EQ(result.code, 0) << result.err;
    return result.err;
  };
  const std::string words = "it was learnt on tiny-2b (0123abcd), not on tiny-2b (" + model_fingerprint(model).substr(0, 8) + ")";
  EXPECT_THAT(said({"--model", model, "--lora", ours}), HasSubstr(ours.string() + ": " + words));
  EXPECT_THAT(said({"--model", model, "--lora", golden / "adapters/peft-trained", "--lora", (ours / "pytorch_lora_weights.safetensors").string() + "=0.5"}), HasSubstr(words));
  EXPECT_EQ(said({"--model", model, "--lora", golden / "adapters/peft-trained"}), "");
  // A part alone is no whole model, whose fingerprint could be compared.
  const TemporaryFolder folder;
  std::filesystem::create_directory_symlink(model / "transformer", folder / "transformer");
  EXPECT_EQ(said({"--model", folder.path(), "--lora", ours}), "");
}

TEST(Forward, ARefusedPlanIsCode4AndASceneItLacksCode2) {
  TemporaryFolder folder;
  std::ofstream(folder / "bad.txt") << "Background: a quiet forest\nFrame_1: [[\"bear\"\n";
  std::ofstream(folder / "good.txt")
      << "Background: a quiet forest\nFrame_1: [[\"bear\", \"walking\", \"a bear is walking\"], [0, 0, 0.5, 1]]\n";
  const auto regions = [&](const std::string& plan, const std::string& scene) {
    return run(
        {"forward", "regions", "--plan", (folder / plan).string(), "--scene", scene, "--grid", "8x6x9", "--out", (folder / "r").string()});
  };
  const ProgramResult refused = regions("bad.txt", "1");
  EXPECT_EQ(refused.code, 4);
  EXPECT_THAT(refused.err, HasSubstr("bad.txt"));
  EXPECT_EQ(regions("good.txt", "2").code, 2);
}

}  // namespace
}  // namespace dreamrunner::test
