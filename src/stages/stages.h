#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/run_context.h"
#include "stages/priors.h"
#include "stages/scorers.h"
#include "story/plan_types.h"

/// The one narrow door between what starts in milliseconds (commands, plans, the film folder) and what needs LibTorch.
/// The interfaces below are implemented in the engine library, which `open_engine` opens the first time it is needed.
namespace dreamrunner {

/// Choices that hold for every scene of a run. An empty optional means "as the model folder says".
struct GenerationSettings {
  std::filesystem::path model;             ///< A folder in the Hugging Face layout (resolved by `find_model`).
  std::string device = "auto";             ///< "auto" (a GPU if there is one), "cpu" or "cuda".
  std::string dtype = "auto";              ///< "auto", "fp32", "fp16" or "bf16".
  std::string noise_dtype = "fp32";        ///< "fp32", or "model" for diffusers' draw in the model's type.
  std::string sampler = "auto";            ///< "auto" (the scheduler's config), "ddim" or "dpm".
  std::string interpolation = "repeat";    ///< How key frames fill latent frames: "repeat" or "linear".
  std::string visual_attn = "full";        ///< What visual tokens see of each other: "full" or "hard".
  bool lora_text_tokens = true;            ///< Whether a prior also acts on the text tokens of its regions.
  bool vae_tiling = false;                 ///< Whether large pictures are decoded in overlapping tiles, for little memory.
  int steps = 50;
  double guidance_scale = 6.0;
  std::string negative_prompt;
  std::optional<int> num_frames;           ///< Of pictures in a scene.
  std::optional<int> height;               ///< In pixels.
  std::optional<int> width;                ///< In pixels.
};

/// A scene and the seed its noise is drawn from.
struct SceneJob {
  Scene scene;
  int64_t seed = 0;
  std::string label;  ///< For progress and messages, such as "scene 2".
  std::vector<BoundPrior> priors;
};

/// Pictures of a scene: RGB, 8 bits a channel, `frames` x `height` x `width` x 3, row by row.
struct SceneFrames {
  int frames = 0;
  int height = 0;
  int width = 0;
  double fps = 8;
  std::vector<uint8_t> pixels;
};

/// What a model makes when nothing else is asked, and what was settled from the settings.
struct SceneFormat {
  int num_frames = 0;
  int height = 0;
  int width = 0;
  std::string device;
  std::string dtype;
  std::string sampler;
};

/// Makes scenes with one model. Texts of all scenes are encoded when it is opened, each distinct text once, and the text
/// encoder's memory is free before the first scene is denoised.
class SceneGenerator {
 public:
  virtual ~SceneGenerator() = default;
  virtual const SceneFormat& format() const = 0;
  /// Denoises job `index` of those given to `open_scenes` and commits its latents to `latents_path` (safetensors,
  /// `latents` [1,F,C,H,W] fp32 in the scaled space of the transformer). Throws Error(numerical) naming the step.
  virtual void denoise(size_t index, const std::filesystem::path& latents_path, RunContext& run) = 0;
  /// Decodes latents written by `denoise` to pictures. `label` names the work in progress reports ("scene 2").
  virtual SceneFrames decode(const std::filesystem::path& latents_path, const std::string& label, RunContext& run) = 0;
};

/// One part of a model on tensors from a file (`dreamrunner forward`).
struct ForwardRequest {
  std::string part;                        ///< "tokens", "text-encoder", "transformer", "regions", "vae-encode", "vae-decode", "denoise", "video-write", "clip-text", "clip-image", "viclip", "yolov5", "frames".
  std::filesystem::path model;             ///< Not needed by "regions", "video-write" and "frames".
  std::filesystem::path input;             ///< safetensors; the video of "frames".
  std::filesystem::path output;            ///< safetensors, or the mp4.
  std::string device = "cpu";
  std::string dtype = "fp32";
  std::string sampler = "auto";
  int steps = 50;
  double guidance_scale = 6.0;
  int64_t seed = 0;
  std::string fps = "8";                   ///< "8" or "24000/1001"; "frames": empty for all frames.
  std::optional<Scene> scene;              ///< "regions": the scene whose boxes are laid out.
  std::vector<int64_t> grid;               ///< "regions": F, H, W in tokens.
  std::string interpolation = "repeat";    ///< "regions".
  std::string visual_attn = "full";        ///< "transformer" and "denoise" with regions.
  bool vae_tiling = false;                 ///< "vae-encode" and "vae-decode".
  std::vector<std::pair<std::filesystem::path, double>> loras;  ///< "transformer": LoRA files and their weights.
  std::vector<std::string> texts;          ///< "clip-text" and "viclip".
  std::optional<double> start_s, end_s;    ///< "frames": the part of the video `input`.
  std::optional<int> count;                ///< "frames": how many, spread evenly.
};

/// A machine as LibTorch sees it.
struct EngineReport {
  std::string torch_version;
  std::string cpu_capability;              ///< Such as "AVX512".
  int threads = 0;
  std::vector<std::string> gpus;           ///< Name and memory of each.
  std::string cuda_status;                 ///< Why there is no GPU, or "available".
};

/// What the engine library offers.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::unique_ptr<SceneGenerator> open_scenes(const GenerationSettings& settings, const std::vector<SceneJob>& jobs, RunContext& run) = 0;
  /// Runs one part; "regions" returns the captions of the conditions, background last, others return nothing.
  virtual std::vector<std::string> forward(const ForwardRequest& request, RunContext& run) = 0;
  /// Learns a prior, or goes on where `request.work` says that an earlier run stopped, and commits it to `request.output`.
  /// An interrupted run that goes on ends with the same bytes as one that was not. Throws Error(memory) before it starts
  /// when it would not fit, naming what to change; Error(numerical) for a loss that is NaN or infinite.
  virtual LearnResult learn(const LearnRequest& request, RunContext& run) = 0;
  /// Opens the scoring models of retrieval. Throws Error(input_file) for folders that are not what they should be.
  virtual std::unique_ptr<Scorers> open_scorers(const ScorerSettings& settings, RunContext& run) = 0;
  virtual EngineReport report() = 0;
};

/// Stands for the layout of what passes through this door, so that a program and an engine of different builds know each
/// other: not every change shows in it, but a field more or less does.
constexpr uint64_t engine_interface() {
  uint64_t stamp = 1;
  for (const size_t size : {sizeof(GenerationSettings), sizeof(SceneJob), sizeof(LearnRequest), sizeof(LearnResult), sizeof(Scene), sizeof(PlannedRegion), sizeof(SceneFrames), sizeof(SceneFormat),
                            sizeof(ForwardRequest), sizeof(ScorerSettings), sizeof(ScorerFormat), sizeof(DetectionSettings), sizeof(Detection), sizeof(EngineReport), sizeof(RunContext)}) {
    stamp = stamp * 1'000'003 + size;
  }
  return stamp;
}

/// Opens the engine library beside the program. Throws Error(input_file) with the way to get LibTorch when it or what it
/// needs is missing.
Engine& open_engine();

/// The folder of a model named by path, by its name in a Hugging Face cache ("THUDM/CogVideoX-2b"; read-only, nothing is
/// downloaded) or as "playset". Throws Error(input_file) naming the places that were searched and the ways to get one.
std::filesystem::path find_model(const std::string& name);

}  // namespace dreamrunner
