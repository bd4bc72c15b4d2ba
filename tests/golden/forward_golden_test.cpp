// Every folder below tests/golden/cases is a forward case: what one part of a model gives for some tensors, as the
// reference implementation computed it (tools/golden/make_goldens.py). Each is run through the engine and compared.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "diffusion/noise_schedule.h"
#include "engine/engine.h"
#include "models/latent_grid.h"
#include "models/model_folder.h"
#include "nn/positions.h"
#include "support/temporary_folder.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(DREAMRUNNER_SOURCE_DIR) / "tests" / "golden";

Engine& engine() {
  static const std::unique_ptr<Engine> instance = make_torch_engine();
  return *instance;
}

fs::path model_path(const std::string& name) {
  return name == "playset" ? fs::path(DREAMRUNNER_SOURCE_DIR) / "models" / "playset" : kGolden / name;
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kGolden / "cases")) {
    if (fs::exists(entry.path() / "case.json")) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// max|a - b| / max|b|; where the reference is all zeros, max|a|.
double relative_difference(const at::Tensor& ours, const at::Tensor& reference) {
  const at::Tensor a = ours.to(at::kDouble), b = reference.to(at::kDouble);
  const double scale = b.numel() > 0 ? b.abs().max().item<double>() : 0;
  const double difference = b.numel() > 0 ? (a - b).abs().max().item<double>() : 0;
  return scale > 0 ? difference / scale : difference;
}

TensorMap run_scheduler(const Json& options) {
  const NoiseSchedule schedule(read_noise_schedule_config(options.at("config"), "case"));
  return {{"alphas_cumprod", at::tensor(schedule.alphas_cumprod(), at::kDouble)},
          {"timesteps", at::tensor(schedule.timesteps(options.at("steps")), at::kLong)}};
}

/// Tables are stored as some rows and the mean of each column.
TensorMap rows_and_mean(const std::string& name, const at::Tensor& table, const at::Tensor& rows) {
  return {{name, table.index_select(0, rows)}, {name + "_mean", table.to(at::kDouble).mean(0)}};
}

TensorMap run_rotary(const Json& options, const TensorMap& in) {
  const int64_t patch = options.at("patch_size");
  const int64_t cell = 8 * patch;
  const auto [cos, sin] = rotary_positions(options.at("attention_head_dim"), options.at("latent_frames"), options.at("height").get<int64_t>() / cell,
                                           options.at("width").get<int64_t>() / cell, options.at("sample_height").get<int64_t>() / patch,
                                           options.at("sample_width").get<int64_t>() / patch);
  TensorMap out = rows_and_mean("cos", cos, in.at("rows"));
  out.merge(rows_and_mean("sin", sin, in.at("rows")));
  return out;
}

TensorMap run_sincos(const Json& options, const TensorMap& in) {
  const Json& grid = options.at("grid");
  return rows_and_mean("table",
                       sincos_positions(options.at("width"), grid[0], grid[1], grid[2], options.at("spatial_interpolation_scale"),
                                        options.at("temporal_interpolation_scale")),
                       in.at("rows"));
}

TensorMap run_frame_counts(const fs::path& model, const TensorMap& in) {
  RunContext run;
  const ModelFolder folder(model);
  const CogVideoXVae vae = folder.open_vae({});
  const int64_t ratio = vae.config().temporal_compression_ratio;
  const int64_t side = vae.config().spatial_ratio();
  std::vector<int64_t> decoded, encoded;
  for (int64_t i = 0; i < in.at("latent_frames").numel(); ++i) {
    const int64_t n = in.at("latent_frames")[i].item<int64_t>();
    decoded.push_back(vae.decode(at::zeros({1, vae.config().latent_channels, n, 1, 1}), run).size(2));
    EXPECT_EQ(decoded.back(), decoded_frames(n, ratio)) << n << " latents";
  }
  for (int64_t i = 0; i < in.at("pixel_frames").numel(); ++i) {
    encoded.push_back(vae.encode(at::zeros({1, 3, in.at("pixel_frames")[i].item<int64_t>(), side, side}), run).mean.size(2));
  }
  return {{"decoded_frames", at::tensor(decoded, at::kLong)}, {"encoded_frames", at::tensor(encoded, at::kLong)}};
}

TensorMap run_scene(const fs::path& model, const Json& options, const fs::path& output) {
  GenerationSettings settings;
  settings.model = model;
  settings.device = "cpu";
  settings.sampler = options.at("sampler");
  settings.steps = options.at("steps");
  settings.guidance_scale = options.at("guidance_scale");
  settings.negative_prompt = options.at("negative_prompt");
  settings.num_frames = options.at("num_frames").get<int>();
  settings.height = options.at("height").get<int>();
  settings.width = options.at("width").get<int>();
  SceneJob job;
  job.scene.background = options.at("prompt");  // a scene of nothing but background is the plain model
  job.seed = options.at("seed");
  job.label = "scene";
  RunContext run;
  engine().open_scenes(settings, {job}, run)->denoise(0, output, run);
  return read_tensors(output);
}

TensorMap run_part(const std::string& part, const fs::path& model, const Json& options, const fs::path& input, const fs::path& output) {
  ForwardRequest request{.part = part, .model = model, .input = input, .output = output};
  if (options.contains("dtype")) request.dtype = options["dtype"];
  if (options.contains("steps")) request.steps = options["steps"];
  if (options.contains("guidance_scale")) request.guidance_scale = options["guidance_scale"];
  if (options.contains("sampler")) request.sampler = options["sampler"];
  if (options.contains("seed")) request.seed = options["seed"];
  if (options.contains("vae_tiling")) request.vae_tiling = options["vae_tiling"];
  for (const Json& lora : options.value("loras", Json::array())) request.loras.emplace_back(kGolden / lora.at(0).get<std::string>(), lora.at(1));
  RunContext run;
  engine().forward(request, run);
  return read_tensors(output);
}

class ForwardGolden : public testing::TestWithParam<std::string> {};

TEST_P(ForwardGolden, EqualsTheReference) {
  const fs::path folder = kGolden / "cases" / GetParam();
  const Json spec = read_json_file(folder / "case.json");
  const std::string part = spec.at("part");
  const Json& options = spec.at("options");
  const fs::path model = model_path(spec.at("model"));
  const test::TemporaryFolder temporary;
  const fs::path output = temporary / "out.safetensors";
  engine();

  TensorMap ours;
  if (part == "scheduler") {
    ours = run_scheduler(options);
  } else if (part == "rotary") {
    ours = run_rotary(options, read_tensors(folder / "in.safetensors"));
  } else if (part == "sincos") {
    ours = run_sincos(options, read_tensors(folder / "in.safetensors"));
  } else if (part == "frame-counts") {
    ours = run_frame_counts(model, read_tensors(folder / "in.safetensors"));
  } else if (part == "scene") {
    ours = run_scene(model, options, output);
  } else {
    ours = run_part(part, model, options, folder / "in.safetensors", output);
  }

  const TensorMap reference = read_tensors(folder / "out.safetensors");
  ASSERT_EQ(reference.size(), spec.at("outputs").size());
  for (const auto& [name, expected] : spec.at("outputs").items()) {
    const at::Tensor& theirs = require_tensor(reference, name, "golden");
    const at::Tensor& result = require_tensor(ours, name, "result");
    ASSERT_EQ(result.sizes(), theirs.sizes()) << name;
    const double difference = relative_difference(result, theirs);
    RecordProperty(name, fmt::format("{:.2e}", difference));
    EXPECT_LE(difference, expected.at("tolerance").get<double>()) << name << "; tolerance: " << expected.at("reason");
    if (std::getenv("DREAMRUNNER_SHOW_DIFFERENCES") != nullptr) fmt::print("{:45} {:18} {:.2e}\n", GetParam(), name, difference);
  }
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, ForwardGolden, testing::ValuesIn(case_names()), test_name);

}  // namespace
}  // namespace dreamrunner
