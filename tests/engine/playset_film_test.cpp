// The whole program as a person runs it, on the model that ships: from film.toml and plan.json to film.mp4.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
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
