// NaN or infinity put into one place of the pipeline after another. Each has to end the work as Error(numerical), which is
// exit code 8, within one step, and the line has to name stage, tensor and step.
#include <algorithm>
#include <limits>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>

#include <fmt/format.h>

#include "engine_fixture.h"
#include "generate/denoise.h"
#include "models/model_folder.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// One number of one weight, and what it becomes.
struct Poison {
  const char* part;
  const char* tensor;
  int64_t element;
  double value;
};

/// A copy of the playset with one number changed. The changed part is stored in fp32, the type that it is computed in: NaN
/// that a conversion meets is refused earlier, as a damaged file.
void write_poisoned_model(const fs::path& folder, const Poison& poison) {
  fs::copy(test::kPlayset, folder, fs::copy_options::recursive);
  const fs::path file = folder / poison.part / (std::string(poison.part) == "text_encoder" ? "model.safetensors" : "diffusion_pytorch_model.safetensors");
  TensorMap tensors;
  for (const auto& [name, tensor] : read_tensors(file)) tensors[name] = tensor.to(at::kFloat).clone();
  tensors.at(poison.tensor).view({-1})[poison.element] = poison.value;
  write_tensors(file, tensors);
}

SceneJob job() {
  SceneJob job;
  job.scene.background = "the forest";
  job.scene.key_frames.push_back({.regions = {{.character = "cat", .motion = "sitting", .caption = "a blue cat is sitting", .box = {0.2, 0.3, 0.6, 0.9}}}});
  job.seed = 1;
  job.label = "scene 2";
  return job;
}

class PoisonedWeight : public test::EngineTest, public testing::WithParamInterface<Poison> {
 protected:
  PoisonedWeight() {
    write_poisoned_model(folder_ / "model", GetParam());
    settings_.model = folder_ / "model";
    settings_.device = "cpu";
    settings_.dtype = "fp32";
    settings_.steps = 3;
    settings_.num_frames = 8;
    settings_.height = 48;
    settings_.width = 64;
  }
  GenerationSettings settings_;
};

using PoisonedTextEncoder = PoisonedWeight;
TEST_P(PoisonedTextEncoder, EndsAtTheFirstCaption) {
  EXPECT_THAT(expect_error(ErrorKind::numerical, [&] { engine().open_scenes(settings_, {job()}, run_); }),
              AllOf(HasSubstr("encoding captions: embedding of \""), HasSubstr("values are NaN or infinite")));
}

using PoisonedTransformer = PoisonedWeight;
TEST_P(PoisonedTransformer, EndsAtTheFirstStep) {
  const auto scenes = engine().open_scenes(settings_, {job()}, run_);
  EXPECT_THAT(expect_error(ErrorKind::numerical, [&] { scenes->denoise(0, folder_ / "latents.safetensors", run_); }),
              HasSubstr("scene 2: denoising: v-prediction at step 1 of 3 (timestep 999): "));
  EXPECT_FALSE(fs::exists(folder_ / "latents.safetensors"));
}

using PoisonedDecoder = PoisonedWeight;
TEST_P(PoisonedDecoder, EndsAtTheFirstChunk) {
  const auto scenes = engine().open_scenes(settings_, {}, run_);
  write_tensors(folder_ / "latents.safetensors", {{"latents", at::ones({1, 4, 16, 6, 8})}});
  EXPECT_THAT(expect_error(ErrorKind::numerical, [&] { scenes->decode(folder_ / "latents.safetensors", "scene 2", run_); }),
              HasSubstr("scene 2: decoding: pixels of chunk 1 of 2: "));
}

std::string point_name(const testing::TestParamInfo<Poison>& info) {
  std::string name = fmt::format("{}_{}", info.param.tensor, std::isnan(info.param.value) ? "NaN" : "infinity");
  std::replace_if(name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Points, PoisonedTextEncoder,
                         testing::Values(Poison{"text_encoder", "shared.weight", 192, kNaN},  // row 1, the end of every text
                                         Poison{"text_encoder", "encoder.block.0.layer.0.layer_norm.weight", 5, kInfinity},
                                         Poison{"text_encoder", "encoder.block.0.layer.0.SelfAttention.q.weight", 7, kNaN},
                                         Poison{"text_encoder", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", 0, kInfinity},
                                         Poison{"text_encoder", "encoder.block.1.layer.0.SelfAttention.v.weight", 11, kInfinity},
                                         Poison{"text_encoder", "encoder.block.1.layer.1.DenseReluDense.wi_0.weight", 3, kNaN},
                                         Poison{"text_encoder", "encoder.final_layer_norm.weight", 191, kNaN}),
                         point_name);

INSTANTIATE_TEST_SUITE_P(Points, PoisonedTransformer,
                         testing::Values(Poison{"transformer", "patch_embed.proj.weight", 9, kNaN},
                                         Poison{"transformer", "patch_embed.text_proj.bias", 9, kNaN},
                                         Poison{"transformer", "time_embedding.linear_1.weight", 0, kInfinity},
                                         Poison{"transformer", "time_embedding.linear_2.bias", 100, kNaN},
                                         Poison{"transformer", "transformer_blocks.0.norm1.linear.bias", 200, kInfinity},
                                         Poison{"transformer", "transformer_blocks.0.attn1.to_q.weight", 50, kNaN},
                                         Poison{"transformer", "transformer_blocks.1.attn1.to_k.bias", 1, kNaN},
                                         Poison{"transformer", "transformer_blocks.2.attn1.norm_k.weight", 31, kInfinity},
                                         Poison{"transformer", "transformer_blocks.3.attn1.to_v.weight", 77, kInfinity},
                                         Poison{"transformer", "transformer_blocks.4.attn1.to_out.0.bias", 0, kNaN},
                                         Poison{"transformer", "transformer_blocks.5.ff.net.0.proj.weight", 13, kNaN},
                                         Poison{"transformer", "transformer_blocks.5.ff.net.2.bias", 191, kInfinity},
                                         Poison{"transformer", "norm_out.linear.weight", 4, kNaN},
                                         Poison{"transformer", "proj_out.bias", 63, kInfinity}),
                         point_name);

INSTANTIATE_TEST_SUITE_P(Points, PoisonedDecoder,
                         testing::Values(Poison{"vae", "decoder.conv_in.conv.weight", 40, kNaN},
                                         Poison{"vae", "decoder.mid_block.resnets.0.norm1.conv_y.conv.bias", 2, kInfinity},
                                         Poison{"vae", "decoder.up_blocks.0.resnets.0.conv1.conv.bias", 95, kNaN},
                                         Poison{"vae", "decoder.up_blocks.0.upsamplers.0.conv.weight", 600, kNaN},
                                         Poison{"vae", "decoder.norm_out.conv_b.conv.weight", 17, kInfinity},
                                         Poison{"vae", "decoder.conv_out.conv.bias", 2, kNaN}),
                         point_name);

/// A sampler that spoils what one step returns.
class SpoilingSampler : public Sampler {
 public:
  SpoilingSampler(const NoiseSchedule& schedule, int steps, size_t spoilt) : Sampler(schedule, steps), spoilt_(spoilt) {}
  at::Tensor step(size_t index, const at::Tensor&, const at::Tensor& latents) override {
    at::Tensor next = latents.clone();
    if (index == spoilt_) next.view({-1})[123] = kNaN;
    return next;
  }

 private:
  size_t spoilt_;
};

class PoisonedDenoising : public test::EngineTest {
 protected:
  std::string denoise_with(size_t spoilt_step) {
    const c10::InferenceMode inference;
    const ModelFolder model(test::kPlayset);
    const NoiseSchedule schedule(model.scheduler_config());
    SpoilingSampler sampler(schedule, 3, spoilt_step);
    const VideoTransformer transformer = model.open_transformer({});
    return expect_error(ErrorKind::numerical, [&] { denoise(transformer, sampler, at::ones({1, 2, 16, 4, 6}), conditions_, "scene 2", run_); });
  }
  std::string forward(const std::string& part, const TensorMap& in) {
    write_tensors(folder_ / "in.safetensors", in);
    const ForwardRequest request{.part = part, .model = test::kPlayset, .input = folder_ / "in.safetensors", .output = folder_ / "out.safetensors", .steps = 3};
    const std::string message = expect_error(ErrorKind::numerical, [&] { engine().forward(request, run_); });
    EXPECT_FALSE(fs::exists(request.output));
    return message;
  }
  static at::Tensor spoilt(at::IntArrayRef shape, double value) {
    at::Tensor tensor = at::ones(shape);
    tensor.view({-1})[42] = value;
    return tensor;
  }
  DenoiseConditions conditions_{.prompt_embeds = at::zeros({1, 32, 192}), .negative_prompt_embeds = at::zeros({1, 32, 192}), .regions = {}};
};

TEST_F(PoisonedDenoising, AStepsResultIsFoundAtTheNextStep) {
  EXPECT_THAT(denoise_with(0), HasSubstr("scene 2: denoising: v-prediction at step 2 of 3 (timestep "));
  EXPECT_THAT(denoise_with(1), HasSubstr("scene 2: denoising: v-prediction at step 3 of 3 (timestep "));
}

TEST_F(PoisonedDenoising, TheLastStepsResultIsFoundBeforeItIsWritten) {
  EXPECT_THAT(denoise_with(2), HasSubstr("scene 2: denoising: latents: 1 of 768 values are NaN or infinite"));
}

TEST_F(PoisonedDenoising, WhatAStepStartsFromIsNamed) {
  TensorMap in{{"latents", at::ones({1, 2, 16, 4, 6})}, {"prompt_embeds", at::zeros({1, 32, 192})}, {"negative_prompt_embeds", at::zeros({1, 32, 192})}};
  for (const double value : {kNaN, kInfinity}) {
    TensorMap bad = in;
    bad["latents"] = spoilt({1, 2, 16, 4, 6}, value);
    EXPECT_THAT(forward("denoise", bad), HasSubstr("forward: denoising: noise: 1 of 768 values are NaN or infinite"));
    for (const char* text : {"prompt_embeds", "negative_prompt_embeds"}) {
      bad = in;
      bad[text] = spoilt({1, 32, 192}, value);
      EXPECT_THAT(forward("denoise", bad), HasSubstr(fmt::format("forward: denoising: {}: 1 of 6144 values are NaN or infinite", text)));
    }
  }
}

TEST_F(PoisonedDenoising, APartAloneRefusesItsResult) {
  EXPECT_THAT(forward("transformer", {{"hidden_states", spoilt({1, 2, 16, 4, 6}, kNaN)}, {"encoder_hidden_states", at::zeros({1, 32, 192})}, {"timestep", at::tensor({999}, at::kLong)}}),
              HasSubstr("transformer: sample: "));
  EXPECT_THAT(forward("vae-decode", {{"latents", spoilt({1, 16, 4, 2, 2}, kInfinity)}}), HasSubstr("decoding: pixels of chunk 2 of 2: "));
  EXPECT_THAT(forward("vae-encode", {{"pixels", spoilt({1, 3, 8, 16, 16}, kNaN)}}), HasSubstr("encoding: moments of chunk 1 of 1: "));
}

}  // namespace
}  // namespace dreamrunner
