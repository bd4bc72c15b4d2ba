#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/safetensors_index.h"
#include "stages/stages.h"

namespace dreamrunner::test {

/// What a SyntheticEngine was asked to do.
struct EngineUse {
  int opened = 0;                     ///< Calls of `open_scenes`.
  std::vector<std::string> denoised;  ///< Labels, in order.
  int decoded = 0;
};

/// A scene generator without a model: latents are noise whose seed is a hash of the scene, its seed and the settings;
/// pictures are those numbers as blocks of colour. Like the real one it is deterministic, commits its latents in one step,
/// honours stop requests, and depends on everything a real one would depend on.
class SyntheticGenerator : public SceneGenerator {
 public:
  static constexpr int kFrames = 8;
  static constexpr int kHeight = 32;
  static constexpr int kWidth = 48;

  SyntheticGenerator(GenerationSettings settings, std::vector<SceneJob> jobs, EngineUse& use, std::function<void(const std::string&)>& on_event)
      : settings_(std::move(settings)), jobs_(std::move(jobs)), use_(use), on_event_(on_event) {
    format_ = {kFrames, kHeight, kWidth, "cpu", "fp32", "ddim"};
  }

  const SceneFormat& format() const override { return format_; }

  void denoise(size_t index, const std::filesystem::path& latents_path, RunContext& run) override {
    const SceneJob& job = jobs_.at(index);
    event(fmt::format("denoise {}", job.label));
    run.check();
    std::string text = fmt::format("{} {} {} {}\n{}\n", job.seed, settings_.steps, settings_.guidance_scale, settings_.negative_prompt,
                                   job.scene.background);
    for (const KeyFrame& key_frame : job.scene.key_frames) {
      for (const PlannedRegion& region : key_frame.regions) {
        text += fmt::format("{} {} {} {} {}\n", region.caption, region.box.left, region.box.top, region.box.right, region.box.bottom);
      }
    }
    std::mt19937 generator(static_cast<uint32_t>(std::stoul(sha256_hex(text).substr(0, 8), nullptr, 16)));
    std::vector<TensorEntry> tensors{{.name = "latents", .type = TensorType::f32, .shape = {1, 2, 4, 4, 6}, .offset = 0, .size = 0}};
    std::string bytes = make_safetensors_header(tensors, {});
    for (uint64_t i = 0; i < tensors[0].size / sizeof(float); ++i) {
      const float value = static_cast<float>(generator() % 4096) / 2048.0f - 1.0f;
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    write_file_atomic(latents_path, bytes);
    use_.denoised.push_back(job.label);
    event(fmt::format("denoised {}", job.label));
  }

  SceneFrames decode(const std::filesystem::path& latents_path, const std::string&, RunContext& run) override {
    event("decode");
    run.check();
    const MappedFile file(latents_path);
    const SafetensorsIndex index = parse_safetensors(file.bytes(), latents_path.string());
    std::vector<float> values(index.tensors.at(0).size / sizeof(float));
    std::memcpy(values.data(), file.bytes().data() + index.tensors[0].offset, index.tensors[0].size);
    SceneFrames frames{.frames = kFrames, .height = kHeight, .width = kWidth, .fps = 8, .pixels = {}};
    for (int f = 0; f < kFrames; ++f) {
      for (int y = 0; y < kHeight; ++y) {
        for (int x = 0; x < kWidth; ++x) {
          for (int channel = 0; channel < 3; ++channel) {
            const int at = ((f / 4 * 4 + channel) * 4 + y / 8) * 6 + x / 8;
            frames.pixels.push_back(static_cast<uint8_t>(std::clamp(128 + 100 * values[static_cast<size_t>(at)], 0.0f, 255.0f)));
          }
        }
      }
    }
    ++use_.decoded;
    event("decoded");
    return frames;
  }

 private:
  void event(const std::string& text) {
    if (on_event_) on_event_(text);
  }

  GenerationSettings settings_;
  std::vector<SceneJob> jobs_;
  EngineUse& use_;
  std::function<void(const std::string&)>& on_event_;
  SceneFormat format_;
};

/// An engine that makes SyntheticGenerators and counts what it is asked for.
class SyntheticEngine : public Engine {
 public:
  std::unique_ptr<SceneGenerator> open_scenes(const GenerationSettings& settings, const std::vector<SceneJob>& jobs, RunContext&) override {
    ++use.opened;
    return std::make_unique<SyntheticGenerator>(settings, jobs, use, on_event);
  }
  std::vector<std::string> forward(const ForwardRequest&, RunContext&) override {
    throw Error(ErrorKind::usage, "the synthetic engine has no parts");
  }
  EngineReport report() override { return {.torch_version = "none", .cpu_capability = "", .gpus = {}, .cuda_status = "no GPU"}; }

  EngineUse use;
  /// Called with "denoise LABEL", "denoised LABEL", "decode" and "decoded" at those moments.
  std::function<void(const std::string&)> on_event;
};

}  // namespace dreamrunner::test
