// The whole program as a person runs it, on the model that ships: from film.toml and plan.json to film.mp4.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/safetensors_index.h"
#include "media/png.h"
#include "media/video_reader.h"
#include "support/program_run.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::ProgramResult;
using test::ProgramRun;
using testing::HasSubstr;

const fs::path kProgram = fs::path(DREAMRUNNER_BINARY_DIR) / "dreamrunner";

std::string read_bytes(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The numbers of a file with one tensor of fp32.
std::vector<float> read_latents(const fs::path& file) {
  const std::string bytes = read_bytes(file);
  const TensorEntry entry = parse_safetensors(std::as_bytes(std::span(bytes)), file.string()).tensors.at(0);
  std::vector<float> numbers(entry.size / sizeof(float));
  std::memcpy(numbers.data(), bytes.data() + entry.offset, entry.size);
  return numbers;
}

/// A film of two scenes, small enough to be made in seconds.
class PlaysetFilm : public testing::Test {
 protected:
  void SetUp() override { write_film(film_); }

  static void write_film(const fs::path& film, const std::string& second_caption = "a blue cat is sitting") {
    const auto scene = [](const std::string& background, const std::string& caption) {
      const Json region = {{"character", "hero"}, {"motion", "sitting"}, {"caption", caption}, {"box", {0.3, 0.4, 0.7, 0.9}}};
      return Json{{"background", background}, {"key_frames", {{{"regions", {region}}}, {{"regions", {region}}}}}};
    };
    const Json plan = {{"schema", 1},
                       {"title", "Two scenes"},
                       {"characters", {{{"id", "hero"}, {"token", ""}, {"name", "blue cat"}}}},
                       {"scenes", {scene("the forest", "a red witch is walking"), scene("the beach", second_caption)}}};
    fs::create_directories(film / "plan");
    std::ofstream(film / "plan" / "plan.json") << plan.dump(1);
    std::ofstream(film / "film.toml") << "title = \"Two scenes\"\nplan = \"plan/plan.json\"\nseed = 3\n[model]\npath = \"playset\"\n"
                                         "[generate]\nsteps = 2\nnum_frames = 8\nheight = 48\nwidth = 64\n";
  }

  ProgramResult make(const fs::path& film, const std::vector<std::string>& options = {}, const ProgramRun::Environment& environment = {}) {
    std::vector<std::string> arguments = {"make", film.string()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    ProgramRun::Environment all = environment;
    all.emplace("OMP_NUM_THREADS", "1");  // tests run side by side
    return ProgramRun(kProgram, arguments, "", all).finish();
  }

  test::TemporaryFolder folder_;
  fs::path film_ = folder_ / "film";
};

TEST_F(PlaysetFilm, IsMadeAndThenThereIsNothingToDo) {
  const ProgramResult first = make(film_);
  ASSERT_EQ(first.code, 0) << first.err;
  for (const char* scene : {"01", "02"}) {
    const fs::path made = film_ / "scenes" / scene;
    EXPECT_TRUE(fs::exists(made / "latents.safetensors"));
    EXPECT_EQ(probe_video(made / "scene.mp4").frames, 8);
    EXPECT_GT(read_png(made / "sheet.png").width, 200);
  }
  const VideoInfo film = probe_video(film_ / "film.mp4");
  EXPECT_EQ(film.frames, 16);
  EXPECT_EQ(film.width, 64);
  EXPECT_EQ(film.height, 48);

  const auto before = fs::last_write_time(film_ / "film.mp4");
  ASSERT_EQ(make(film_).code, 0);
  EXPECT_EQ(fs::last_write_time(film_ / "film.mp4"), before);
}

TEST_F(PlaysetFilm, IsTheSameBytesInAnotherLocaleAndTimeZone) {
  ASSERT_EQ(make(film_).code, 0);
  const fs::path other = folder_ / "other";
  write_film(other);
  ASSERT_EQ(make(other, {}, {{"TZ", "Asia/Kolkata"}, {"LC_ALL", "de_DE.UTF-8"}}).code, 0);
  for (const char* file : {"scenes/01/latents.safetensors", "scenes/02/scene.mp4", "scenes/02/sheet.png", "film.mp4"}) {
    EXPECT_EQ(read_bytes(film_ / file), read_bytes(other / file)) << file;
  }
}

TEST_F(PlaysetFilm, AChangedCaptionRemakesItsSceneAndTheFilm) {
  ASSERT_EQ(make(film_).code, 0);
  const std::string first = read_bytes(film_ / "scenes/01/scene.mp4"), second = read_bytes(film_ / "scenes/02/scene.mp4"), film = read_bytes(film_ / "film.mp4");
  const auto first_time = fs::last_write_time(film_ / "scenes/01/scene.mp4");
  write_film(film_, "a green dog is running");
  ASSERT_EQ(make(film_).code, 0);
  EXPECT_EQ(fs::last_write_time(film_ / "scenes/01/scene.mp4"), first_time);
  EXPECT_EQ(read_bytes(film_ / "scenes/01/scene.mp4"), first);
  EXPECT_NE(read_bytes(film_ / "scenes/02/scene.mp4"), second);
  EXPECT_NE(read_bytes(film_ / "film.mp4"), film);
}

TEST_F(PlaysetFilm, OneThreadAndTwoAgree) {
  ASSERT_EQ(make(film_, {}, {{"OMP_NUM_THREADS", "1"}}).code, 0);
  const fs::path other = folder_ / "other";
  write_film(other);
  ASSERT_EQ(make(other, {}, {{"OMP_NUM_THREADS", "2"}}).code, 0);
  const Video one = read_video(film_ / "film.mp4"), two = read_video(other / "film.mp4");
  ASSERT_EQ(one.pixels.size(), two.pixels.size());
  int64_t differences = 0;
  for (size_t i = 0; i < one.pixels.size(); ++i) differences += std::abs(int{one.pixels[i]} - int{two.pixels[i]}) > 2;
  EXPECT_EQ(differences, 0);

  for (const char* file : {"scenes/01/latents.safetensors", "scenes/02/latents.safetensors"}) {
    const std::vector<float> mine = read_latents(film_ / file), theirs = read_latents(other / file);
    ASSERT_EQ(mine.size(), theirs.size());
    float largest = 0, difference = 0;
    for (size_t i = 0; i < mine.size(); ++i) {
      largest = std::max(largest, std::abs(mine[i]));
      difference = std::max(difference, std::abs(mine[i] - theirs[i]));
    }
    EXPECT_LE(difference, 1e-4F * largest) << file;
  }
}

TEST_F(PlaysetFilm, NaNInTheWeightsEndsWithItsCodeAndNamesSceneStepAndTensor) {
  // One bias of the last layer becomes NaN, in the type that it is stored in; computed in that type, no conversion meets it.
  const fs::path model = folder_ / "model";
  fs::copy(fs::path(DREAMRUNNER_SOURCE_DIR) / "models" / "playset", model, fs::copy_options::recursive);
  const fs::path weights = model / "transformer" / "diffusion_pytorch_model.safetensors";
  std::string bytes = read_bytes(weights);
  for (const TensorEntry& entry : parse_safetensors(std::as_bytes(std::span(bytes)), weights.string()).tensors) {
    if (entry.name != "proj_out.bias") continue;
    ASSERT_EQ(entry.type, TensorType::f16);
    bytes.replace(entry.offset, 2, "\x00\x7e", 2);
  }
  std::ofstream(weights, std::ios::binary) << bytes;
  const ProgramResult result = make(film_, {"--model", model.string(), "--dtype", "fp16", "--steps", "1"});
  EXPECT_EQ(result.code, 8);
  EXPECT_THAT(result.err, HasSubstr("error: scene 1: denoising: v-prediction at step 1 of 1 (timestep 999): "));
  EXPECT_FALSE(fs::exists(film_ / "scenes/01/latents.safetensors"));
}

TEST_F(PlaysetFilm, TilingTheDecoderRemakesPicturesAndKeepsLatents) {
  // 96 x 144 are four times a tile of the playset's autoencoder.
  const std::vector<std::string> size = {"--height", "96", "--width", "144", "--num-frames", "4", "--steps", "1"};
  ASSERT_EQ(make(film_, size).code, 0);
  const auto latents_time = fs::last_write_time(film_ / "scenes/01/latents.safetensors");
  const Video whole = read_video(film_ / "film.mp4");
  std::vector<std::string> tiled_size = size;
  tiled_size.push_back("--vae-tiling");
  ASSERT_EQ(make(film_, tiled_size).code, 0);
  EXPECT_EQ(fs::last_write_time(film_ / "scenes/01/latents.safetensors"), latents_time);
  const Video tiled = read_video(film_ / "film.mp4");
  EXPECT_EQ(tiled.info.frames, whole.info.frames);
  EXPECT_EQ(tiled.info.width, 144);
  EXPECT_EQ(tiled.info.height, 96);
  EXPECT_NE(tiled.pixels, whole.pixels);
}

TEST_F(PlaysetFilm, ACtrlCEndsSoonAndTheNextRunGoesOnToTheSameFilm) {
  const fs::path other = folder_ / "other";
  write_film(other);
  ASSERT_EQ(make(other, {"--steps", "40"}).code, 0);

  ProgramRun run(kProgram, {"make", film_.string(), "--steps", "40"}, "", {});
  while (!fs::exists(film_ / "scenes/01/latents.safetensors")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  run.send(SIGINT);
  const auto asked = std::chrono::steady_clock::now();
  const ProgramResult stopped = run.finish();
  EXPECT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(10));
  EXPECT_THAT(stopped.err, HasSubstr("run the same command again to go on"));
  EXPECT_FALSE(fs::exists(film_ / "film.mp4"));

  ASSERT_EQ(make(film_, {"--steps", "40"}).code, 0);
  EXPECT_EQ(read_bytes(film_ / "film.mp4"), read_bytes(other / "film.mp4"));
}

TEST_F(PlaysetFilm, ForwardRunsAPartByItsFixedNames) {
  const ProgramResult result =
      ProgramRun(kProgram, {"forward", "regions", "--plan", (film_ / "plan/plan.json").string(), "--scene", "2", "--grid", "4x3x4", "--out", (folder_ / "r.safetensors").string()}, "", {}).finish();
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "a blue cat is sitting\nthe beach\n");
  EXPECT_TRUE(fs::exists(folder_ / "r.safetensors"));
}

TEST_F(PlaysetFilm, ARefusalIsOneLineWithItsCodeAndChangesNothing) {
  const ProgramResult result = make(film_, {"--num-frames", "15"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("error: --num-frames: 15 frames cannot come out of this model; nearest: 13 or 16"));
  EXPECT_FALSE(fs::exists(film_ / "scenes" / "01" / "latents.safetensors"));
}

}  // namespace
}  // namespace dreamrunner
