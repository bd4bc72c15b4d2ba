// One part of the program, kept in memory and run when asked: the side of a benchmark that bench/bench.py lets take turns with
// its peer, bench/peer_worker.py. Both speak the same few words on standard input, one a line:
//
//   run    computes once, answers {"wall_ms": ..., "cpu_ms": ..., "extra_mb": ...}: times, and the
//          most memory so far beyond weights and inputs
//   save   writes the last result to OUT and answers {}
//
// usage: part_worker PART MODEL IN OUT DTYPE THREADS
#include <chrono>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <fmt/format.h>

#include "base/error.h"
#include "generate/decode.h"
#include "generate/denoise.h"
#include "models/model_folder.h"
#include "nn/region_attention.h"
#include "tensor/device.h"
#include "tensor/noise.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

constexpr double kGuidance = 6.0;

using Job = std::function<TensorMap()>;

at::ScalarType dtype_named(const std::string& name) { return name == "bf16" ? at::kBFloat16 : at::kFloat; }

/// q, k, v [1, heads, rows, width], regions [N, V].
Job attention_job(const TensorMap& in, at::ScalarType dtype, bool gradients) {
  const at::Tensor regions = in.at("regions");
  const int64_t text_length = (in.at("q").size(2) - regions.size(1)) / regions.size(0);
  const RegionLayout layout = make_region_layout(regions, text_length, at::kCPU);
  std::vector<at::Tensor> qkv;
  for (const char* name : {"q", "k", "v"}) qkv.push_back(in.at(name).to(dtype).clone().requires_grad_(gradients));
  const double scale = 1 / std::sqrt(static_cast<double>(qkv[0].size(3)));
  return [=]() -> TensorMap {
    const at::AutoGradMode mode(gradients);
    const at::Tensor out = region_attention(qkv[0], qkv[1], qkv[2], layout, scale);
    if (!gradients) return {{"out", out}};
    for (at::Tensor tensor : qkv) tensor.mutable_grad() = at::Tensor();
    out.backward(at::ones_like(out));
    return {{"out", out.detach()}, {"dq", qkv[0].grad()}, {"dk", qkv[1].grad()}, {"dv", qkv[2].grad()}};
  };
}

/// "lora.K.LINEAR.down" and ".up", and where each acts: `lora_regions` [K, L], or everywhere without.
std::vector<TransformerLora> loras_of(const TensorMap& in, bool gradients) {
  std::map<int, TransformerLora> loras;
  for (const auto& [name, tensor] : in) {
    if (!name.starts_with("lora.")) continue;
    const size_t number_end = name.find('.', 5), linear_end = name.rfind('.');
    LoraFactors& factors = loras[std::stoi(name.substr(5))].modules[name.substr(number_end + 1, linear_end - number_end - 1)];
    (name.ends_with(".down") ? factors.down : factors.up) = tensor.clone().requires_grad_(gradients);
  }
  std::vector<TransformerLora> list;
  for (auto& [number, lora] : loras) {
    if (in.contains("lora_regions")) lora.mask_L = in.at("lora_regions").select(0, number).ne(0);
    lora.name = std::to_string(number);
    list.push_back(std::move(lora));
  }
  return list;
}

/// A step. LoRAs are bound once, as they are for a scene; with `gradients` at every step, as in training.
Job transformer_job(const ModelFolder& model, const TensorMap& in, Placement placement, bool gradients) {
  const auto transformer = std::make_shared<VideoTransformer>(model.open_transformer(placement));
  const std::vector<TransformerLora> loras = loras_of(in, gradients);
  const auto bound = loras.empty() || gradients ? nullptr : transformer->bind(loras);
  return [=]() -> TensorMap {
    const at::AutoGradMode mode(gradients);
    const at::Tensor& states = in.at("hidden_states");
    const auto regions = in.contains("regions") ? std::optional(in.at("regions")) : std::nullopt;
    const auto context = transformer->prepare(in.at("encoder_hidden_states"), regions, states.size(1), states.size(3), states.size(4),
                                              VisualAttention::full, gradients ? transformer->bind(loras) : bound);
    const at::Tensor sample = transformer->forward(states, in.at("timestep"), context);
    TensorMap result = {{"sample", sample.detach()}};
    if (!gradients) return result;
    for (const TransformerLora& lora : loras) {
      for (const auto& [name, factors] : lora.modules) {
        for (const at::Tensor& tensor : {factors.down, factors.up}) tensor.mutable_grad() = at::Tensor();
      }
    }
    sample.backward(at::ones_like(sample));
    for (const TransformerLora& lora : loras) {
      for (const auto& [name, factors] : lora.modules) {
        result[fmt::format("d.{}.{}.down", lora.name, name)] = factors.down.grad();
        result[fmt::format("d.{}.{}.up", lora.name, name)] = factors.up.grad();
      }
    }
    return result;
  };
}

Job vae_job(const ModelFolder& model, const TensorMap& in, Placement placement, bool decodes) {
  const auto vae = std::make_shared<VideoAutoencoder>(model.open_vae(placement));
  return [=]() -> TensorMap {
    RunContext run;
    if (decodes) return {{"pixels", vae->decode(in.at("latents"), run)}};
    return {{"mean", vae->encode(in.at("pixels"), run).mean}};
  };
}

/// Denoising and decoding: all of a scene but the texts and the writing.
Job scene_job(const ModelFolder& model, const TensorMap& in, Placement placement) {
  const auto transformer = std::make_shared<VideoTransformer>(model.open_transformer(placement));
  const auto vae = std::make_shared<VideoAutoencoder>(model.open_vae(placement, VideoAutoencoder::Parts::decoder));
  const NoiseScheduleConfig schedule = model.scheduler_config();
  return [=]() -> TensorMap {
    RunContext run;
    NoiseSource noise(0);
    const auto sampler = make_sampler("ddim", schedule, static_cast<int>(in.at("steps").item<int64_t>()), noise);
    const DenoiseConditions conditions{.prompt_embeds = in.at("prompt_embeds"), .negative_prompt_embeds = in.at("negative_prompt_embeds"),
                                       .regions = in.at("regions"), .guidance_scale = kGuidance};
    const at::Tensor latents = denoise(*transformer, *sampler, in.at("latents"), conditions, "scene", run);
    return {{"latents", latents}, {"pictures", decode_latents(*vae, latents, VideoAutoencoder::Tiling::off, "scene", run).to(at::kFloat)}};
  };
}

Job make_job(const std::string& part, const std::string& folder, const TensorMap& in, at::ScalarType dtype) {
  if (part == "attention") return attention_job(in, dtype, false);
  if (part == "attention-gradients") return attention_job(in, dtype, true);
  const ModelFolder model(folder);
  const Placement placement{.device = at::kCPU, .dtype = dtype};
  if (part == "transformer" || part == "transformer-gradients") return transformer_job(model, in, placement, part == "transformer-gradients");
  if (part == "vae-encode" || part == "vae-decode") return vae_job(model, in, placement, part == "vae-decode");
  if (part == "scene") return scene_job(model, in, placement);
  throw Error(ErrorKind::usage, "part_worker: unknown part " + part);
}

/// A line of /proc/self/status, in megabytes.
double memory_mb(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::stod(line.substr(key.size() + 1)) / 1024;
  }
  return 0;
}

/// Answers lines: "run COUNT" runs the job so often and tells the mean times and the peak of memory; "save" writes its result.
void serve(const Job& job, const std::string& out) {
  TensorMap result;
  const double rest = memory_mb("VmRSS:");  // once: later, what a run has freed still counts as ours
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak counts from here
  for (std::string word; std::cin >> word;) {
    if (word == "save") {
      TensorMap wide;
      for (const auto& [name, tensor] : result) wide[name] = tensor.to(at::kFloat);
      write_tensors(out, wide);
      std::cout << "{}" << std::endl;
      continue;
    }
    int count = 1;
    std::cin >> count;
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t start_cpu = std::clock();
    for (int i = 0; i < count; ++i) {
      result.clear();
      result = job();
    }
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    const double cpu_ms = 1e3 * static_cast<double>(std::clock() - start_cpu) / CLOCKS_PER_SEC;
    std::cout << fmt::format(R"({{"wall_ms": {:.3f}, "cpu_ms": {:.3f}, "extra_mb": {:.1f}}})", took.count() / count, cpu_ms / count, memory_mb("VmHWM:") - rest)
              << std::endl;
  }
}

}  // namespace
}  // namespace dreamrunner

int main(int count, char** words) try {
  using namespace dreamrunner;
  if (count != 7) throw Error(ErrorKind::usage, "usage: part_worker PART MODEL IN OUT DTYPE THREADS");
  at::set_num_threads(std::stoi(words[6]));
  const at::NoGradGuard no_gradients;
  serve(make_job(words[1], words[2], read_tensors(words[3]), dtype_named(words[5])), words[4]);
  return 0;
} catch (const dreamrunner::Error& error) {
  std::cerr << error.line() << '\n';
  return dreamrunner::exit_code(error.kind());
}
