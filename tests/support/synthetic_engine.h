#pragma once

#include <algorithm>
#include <array>
#include <cmath>
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
#include "media/frames.h"
#include "stages/stages.h"

namespace dreamrunner::test {

/// What a SyntheticEngine was asked to do.
struct EngineUse {
  int opened = 0;                     ///< Calls of `open_scenes`.
  std::vector<std::string> denoised;  ///< Labels, in order.
  int decoded = 0;
  std::vector<std::string> learnt;    ///< Labels, in order.
  std::vector<LearnRequest> requests; ///< Of what was learnt.
  std::vector<SceneJob> jobs;         ///< Of the last `open_scenes`.
  GenerationSettings settings;        ///< Of the last `open_scenes`.
  int scorers_opened = 0;             ///< Calls of `open_scorers`.
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
    for (const BoundPrior& prior : job.priors) {
      text += fmt::format("{} {} {}", sha256_of_file(prior.file), prior.weight, prior.everywhere);
      for (const RegionPlace& place : prior.places) text += fmt::format(" {}:{}", place.key_frame, place.region);
      text += "\n";
    }
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
    const float contrast = settings_.vae_tiling ? 96 : 100;
    SceneFrames frames{.frames = kFrames, .height = kHeight, .width = kWidth, .fps = 8, .pixels = {}};
    for (int f = 0; f < kFrames; ++f) {
      for (int y = 0; y < kHeight; ++y) {
        for (int x = 0; x < kWidth; ++x) {
          for (int channel = 0; channel < 3; ++channel) {
            const int at = ((f / 4 * 4 + channel) * 4 + y / 8) * 6 + x / 8;
            frames.pixels.push_back(static_cast<uint8_t>(std::clamp(128 + contrast * values[static_cast<size_t>(at)], 0.0f, 255.0f)));
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

/// Scoring models without models. A picture's embedding is its mean colour and a text's is a hash of its words, so scores
/// are the same on every machine and differ from clip to clip. A person is a patch of pixels that are nearly pure red.
class SyntheticScorers : public Scorers {
 public:
  SyntheticScorers() { format_ = {.clip_width = 4, .viclip_width = 4, .viclip_frames = 8, .labels = {"person"}}; }

  const ScorerFormat& format() const override { return format_; }

  Embeddings clip_frames(const SceneFrames& frames) override {
    Embeddings rows{.width = 4, .values = {}};
    for (int f = 0; f < frames.frames; ++f) append_unit(rows, mean_colour(frames, f));
    return rows;
  }
  Embeddings clip_text(const std::string& text) override {
    const std::string hash = sha256_hex(text);
    std::array<double, 4> values{};
    for (size_t i = 0; i < 4; ++i) values[i] = std::stoi(hash.substr(2 * i, 2), nullptr, 16) + 1;
    Embeddings row{.width = 4, .values = {}};
    append_unit(row, values);
    return row;
  }
  Embeddings viclip_clip(const SceneFrames& frames) override {
    std::array<double, 4> sum{};
    for (int f = 0; f < frames.frames; ++f) {
      const auto colour = mean_colour(frames, f);
      for (size_t i = 0; i < 4; ++i) sum[i] += colour[i];
    }
    Embeddings row{.width = 4, .values = {}};
    append_unit(row, sum);
    return row;
  }
  std::vector<int> viclip_looks_at(int frames) const override { return sample_frames(frames, format_.viclip_frames); }
  Embeddings viclip_text(const std::string& text) override { return clip_text(text); }

  std::vector<Detection> detect(const SceneFrames& frames, const DetectionSettings& settings) override {
    std::vector<Detection> found;
    for (int f = 0; f < frames.frames; ++f) {
      int x0 = frames.width, y0 = frames.height, x1 = 0, y1 = 0;
      for (int y = 0; y < frames.height; ++y) {
        for (int x = 0; x < frames.width; ++x) {
          const uint8_t* const pixel = frames.pixels.data() + 3 * ((size_t(f) * size_t(frames.height) + size_t(y)) * size_t(frames.width) + size_t(x));
          if (pixel[0] < 200 || pixel[1] > 60 || pixel[2] > 60) continue;
          x0 = std::min(x0, x), y0 = std::min(y0, y), x1 = std::max(x1, x + 1), y1 = std::max(y1, y + 1);
        }
      }
      if (x1 > x0 && settings.confidence <= 0.9) found.push_back({f, float(x0), float(y0), float(x1), float(y1), 0.9f, 0});
    }
    return found;
  }

 private:
  static std::array<double, 4> mean_colour(const SceneFrames& frames, int frame) {
    std::array<double, 4> sum{0, 0, 0, 1};  // the last keeps black from being nought
    const size_t pixels = size_t(frames.height) * size_t(frames.width);
    for (size_t i = 0; i < 3 * pixels; ++i) sum[i % 3] += frames.pixels[size_t(frame) * 3 * pixels + i] / double(pixels);
    return sum;
  }
  static void append_unit(Embeddings& rows, const std::array<double, 4>& values) {
    double length = 0;
    for (const double value : values) length += value * value;
    for (const double value : values) rows.values.push_back(static_cast<float>(value / std::sqrt(length)));
  }


 protected:
  ScorerFormat format_;
};

/// An engine that makes SyntheticGenerators and counts what it is asked for.
class SyntheticEngine : public Engine {
 public:
  std::unique_ptr<SceneGenerator> open_scenes(const GenerationSettings& settings, const std::vector<SceneJob>& jobs, RunContext&) override {
    ++use.opened;
    use.jobs = jobs;
    use.settings = settings;
    return std::make_unique<SyntheticGenerator>(settings, jobs, use, on_event);
  }
  std::vector<std::string> forward(const ForwardRequest&, RunContext&) override {
    throw Error(ErrorKind::usage, "the synthetic engine has no parts");
  }
  /// What it learns depends on all that a real one would depend on, and on nothing else. Half-way it leaves a state in the
  /// work folder, and says so where it finds one.
  LearnResult learn(const LearnRequest& request, RunContext& run) override {
    event(fmt::format("learn {}", request.label));
    run.check();
    LearnResult result{.steps = request.recipe.steps, .seconds = 0.001};
    const std::filesystem::path state = request.work / "state";
    if (std::filesystem::exists(state)) result.resumed_from = request.recipe.steps / 2;
    write_file_atomic(state, "half of it");
    event(fmt::format("half learnt {}", request.label));
    run.check();
    const PriorRecipe& recipe = request.recipe;
    std::string text = fmt::format("{} {} {} {} {} {} {} {}\n", prior_kind_name(request.kind), request.name, request.seed, request.base, recipe.steps, recipe.rank,
                                   recipe.learning_rate, recipe.blocks);
    for (const PriorExample& example : request.examples) text += sha256_of_file(example.file) + example.caption + "\n";
    std::vector<TensorEntry> tensors{
        {.name = "transformer.transformer_blocks.0.attn1.to_q.lora_A.weight", .type = TensorType::f32, .shape = {8}, .offset = 0, .size = 0}};
    write_file_atomic(request.output, make_safetensors_header(tensors, {}) + sha256_hex(text).substr(0, 32));
    use.learnt.push_back(request.label);
    use.requests.push_back(request);
    event(fmt::format("learnt {}", request.label));
    return result;
  }
  std::unique_ptr<Scorers> open_scorers(const ScorerSettings&, RunContext&) override {
    ++use.scorers_opened;
    if (make_scorers) return make_scorers();
    return std::make_unique<SyntheticScorers>();
  }
  EngineReport report() override { return {.torch_version = "none", .cpu_capability = "", .gpus = {}, .cuda_status = "no GPU"}; }

  EngineUse use;
  std::function<std::unique_ptr<Scorers>()> make_scorers;  ///< Instead of SyntheticScorers.
  /// Called with "denoise LABEL", "denoised LABEL", "decode", "decoded", "learn LABEL", "half learnt LABEL" and "learnt LABEL"
  /// at those moments.
  std::function<void(const std::string&)> on_event;

 private:
  void event(const std::string& text) {
    if (on_event) on_event(text);
  }
};

}  // namespace dreamrunner::test
