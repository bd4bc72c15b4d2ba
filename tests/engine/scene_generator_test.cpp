#include "engine/scene_generator.h"

#include <fstream>

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "base/json.h"
#include "engine_fixture.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using test::expect_error;
using testing::HasSubstr;

SceneJob job_of(const std::string& background, int64_t seed, const std::string& label = "scene 1") {
  SceneJob job;
  job.scene.background = background;
  job.scene.key_frames.push_back({.regions = {{.character = "cat", .motion = "sitting", .caption = "a blue cat is sitting", .box = {0.2, 0.3, 0.6, 0.9}}}});
  job.seed = seed;
  job.label = label;
  return job;
}

class SceneGeneratorTest : public test::EngineTest {
 protected:
  SceneGeneratorTest() {
    settings_.model = test::kPlayset;
    settings_.device = "cpu";
    settings_.steps = 2;
    settings_.num_frames = 8;
    settings_.height = 48;
    settings_.width = 64;
  }
  at::Tensor latents(const std::vector<SceneJob>& jobs, size_t index) {
    engine().open_scenes(settings_, jobs, run_)->denoise(index, folder_ / "latents.safetensors", run_);
    return read_tensors(folder_ / "latents.safetensors").at("latents").clone();
  }
  std::string refused(ErrorKind kind) {
    return expect_error(kind, [&] { engine().open_scenes(settings_, {job_of("the forest", 1)}, run_); });
  }

  GenerationSettings settings_;
};

TEST_F(SceneGeneratorTest, ASceneAloneIsTheSceneAmongOthers) {
  const std::vector<SceneJob> film = {job_of("the forest", 1), job_of("the beach", 2), job_of("the moon", 3)};
  EXPECT_TRUE(at::equal(latents(film, 2), latents({film[2]}, 0)));
  EXPECT_FALSE(at::equal(latents(film, 2), latents(film, 0)));
}

TEST_F(SceneGeneratorTest, EachDistinctTextIsEncodedOnce) {
  engine().open_scenes(settings_, {job_of("the forest", 1), job_of("the beach", 2), job_of("the forest", 3)}, run_);
  EXPECT_THAT(listener_.stages, ElementsAre("encoding captions 4"));  // a cat, two backgrounds, the negative prompt
}

TEST_F(SceneGeneratorTest, ALongCaptionIsCutAndSaidSo) {
  std::string text = "the forest";
  for (int i = 0; i < 40; ++i) text += " and a tree";
  engine().open_scenes(settings_, {job_of(text, 1)}, run_);
  ASSERT_EQ(listener_.notes.size(), 1u);
  EXPECT_THAT(listener_.notes[0], HasSubstr("cut to 32 of its"));
}

TEST_F(SceneGeneratorTest, TheNegativePromptAndGuidanceCount) {
  const at::Tensor plain = latents({job_of("the forest", 1)}, 0);
  settings_.negative_prompt = "the beach";
  const at::Tensor other = latents({job_of("the forest", 1)}, 0);
  EXPECT_FALSE(at::equal(plain, other));
  settings_.guidance_scale = 1.0;  // off: the negative prompt is not read
  const at::Tensor unguided = latents({job_of("the forest", 1)}, 0);
  settings_.negative_prompt.clear();
  EXPECT_TRUE(at::equal(unguided, latents({job_of("the forest", 1)}, 0)));
}

TEST_F(SceneGeneratorTest, HardAttentionIsAnotherFilm) {
  const at::Tensor full = latents({job_of("the forest", 1)}, 0);
  settings_.visual_attn = "hard";
  const at::Tensor hard = latents({job_of("the forest", 1)}, 0);
  EXPECT_GT((full - hard).abs().max().item<double>(), 1e-3);
  settings_.visual_attn = "soft";
  EXPECT_THAT(refused(ErrorKind::usage), HasSubstr("--visual-attn: found \"soft\", full or hard expected"));
}

TEST_F(SceneGeneratorTest, PicturesHaveTheSizeThatWasSettled) {
  const auto generator = engine().open_scenes(settings_, {job_of("the forest", 1)}, run_);
  EXPECT_EQ(generator->format().num_frames, 8);
  EXPECT_EQ(generator->format().dtype, "fp32");
  EXPECT_EQ(generator->format().sampler, "ddim");
  generator->denoise(0, folder_ / "latents.safetensors", run_);
  const SceneFrames frames = generator->decode(folder_ / "latents.safetensors", "scene 1", run_);
  EXPECT_EQ(frames.frames, 8);
  EXPECT_EQ(frames.height, 48);
  EXPECT_EQ(frames.width, 64);
  EXPECT_EQ(frames.pixels.size(), 8u * 48 * 64 * 3);
}

TEST_F(SceneGeneratorTest, WhatCannotComeOutAsAskedIsRefused) {
  settings_.num_frames = 15;
  EXPECT_THAT(refused(ErrorKind::usage), HasSubstr("15 frames cannot come out of this model; nearest: 13 or 16"));
  settings_.num_frames = 8;
  settings_.width = 100;
  EXPECT_THAT(refused(ErrorKind::usage), HasSubstr("nearest: 96"));
  settings_.width = 64;
  settings_.steps = 0;
  EXPECT_THAT(refused(ErrorKind::usage), HasSubstr("--steps: found 0, 1 to 1000 expected"));
  settings_.steps = 2;
  settings_.sampler = "euler";
  EXPECT_THAT(refused(ErrorKind::usage), HasSubstr("ddim or dpm expected"));
  settings_.sampler = "auto";
  settings_.dtype = "fp8";
  EXPECT_THAT(refused(ErrorKind::usage), HasSubstr("found \"fp8\""));
  settings_.dtype = "auto";
  settings_.guidance_scale = NAN;
  EXPECT_THAT(refused(ErrorKind::usage), HasSubstr("--guidance-scale"));
  EXPECT_TRUE(listener_.stages.empty()) << "nothing is computed before the refusal";
}

TEST_F(SceneGeneratorTest, AStopEndsDenoisingAndLeavesNoFile) {
  std::stop_source source;
  const auto generator = engine().open_scenes(settings_, {job_of("the forest", 1)}, run_);
  source.request_stop();
  run_.stop = source.get_token();
  expect_error(ErrorKind::interrupted, [&] { generator->denoise(0, folder_ / "latents.safetensors", run_); });
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(SceneGeneratorTest, NaNInLatentsIsFoundBeforeTheyAreDecoded) {
  const auto generator = engine().open_scenes(settings_, {}, run_);
  at::Tensor bad = at::zeros({1, 4, 16, 6, 8});
  bad[0][1][2][3][4] = INFINITY;
  write_tensors(folder_ / "latents.safetensors", {{"latents", bad}});
  EXPECT_THAT(expect_error(ErrorKind::numerical, [&] { generator->decode(folder_ / "latents.safetensors", "scene 1", run_); }),
              HasSubstr("latents: 1 of 3072 values are NaN or infinite"));
}

TEST_F(SceneGeneratorTest, LatentsOfAnotherModelAreRefused) {
  const auto generator = engine().open_scenes(settings_, {}, run_);
  write_tensors(folder_ / "latents.safetensors", {{"latents", at::zeros({1, 4, 8, 6, 8})}});
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { generator->decode(folder_ / "latents.safetensors", "scene 1", run_); }),
              HasSubstr("latents: found [1, 4, 8, 6, 8], [1, F, 16, H, W] expected"));
}

TEST_F(SceneGeneratorTest, PartsOfDifferentModelsAreRefused) {
  fs::copy(test::kPlayset, folder_ / "model", fs::copy_options::recursive);
  const fs::path config = folder_ / "model" / "vae" / "config.json";
  Json json = read_json_file(config);
  json["temporal_compression_ratio"] = 4;
  std::ofstream(config) << json.dump();
  settings_.model = folder_ / "model";
  EXPECT_THAT(refused(ErrorKind::input_file), HasSubstr("temporal compression ratio: 2 in the transformer, 4 in the autoencoder"));
}

TEST_F(SceneGeneratorTest, HalfPrecisionStaysCloseToFull) {
  const at::Tensor full = latents({job_of("the forest", 1)}, 0);
  settings_.dtype = "bf16";
  const at::Tensor half = latents({job_of("the forest", 1)}, 0);
  // bf16 has 8 bits, two steps with guidance 6 multiply its error; measured 0.05.
  EXPECT_LE(((half - full).abs().max() / full.abs().max()).item<double>(), 0.2);
}

}  // namespace
}  // namespace dreamrunner
