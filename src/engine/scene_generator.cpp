#include "engine/scene_generator.h"

#include <cmath>
#include <map>
#include <memory>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/DeviceAccelerator.h>
#include <c10/core/InferenceMode.h>

#include <fmt/format.h>

#include "adapt/lora_file.h"
#include "base/error.h"
#include "diffusion/sampler.h"
#include "generate/decode.h"
#include "generate/denoise.h"
#include "generate/text_embeddings.h"
#include "models/model_folder.h"
#include "region/prior_mask.h"
#include "region/region_conditioning.h"
#include "tensor/device.h"
#include "tensor/finite.h"
#include "tensor/noise.h"
#include "tensor/out_of_memory.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

std::optional<int64_t> widen(const std::optional<int>& value) { return value ? std::optional<int64_t>(*value) : std::nullopt; }

class TorchSceneGenerator final : public SceneGenerator {
 public:
  TorchSceneGenerator(const GenerationSettings& settings, const std::vector<SceneJob>& jobs, RunContext& run)
      : settings_(settings), jobs_(jobs), model_(settings.model), schedule_(model_.scheduler_config()), visual_attention_(visual_attention_from_name(settings.visual_attn)) {
    if (!std::isfinite(settings.guidance_scale) || settings.guidance_scale < 0) {
      throw Error(ErrorKind::usage, fmt::format("--guidance-scale: found {}, 0 or more expected", settings.guidance_scale));
    }
    placement_.device = choose_device(settings.device);
    placement_.dtype = choose_dtype(settings.dtype, placement_.device, model_.stored_dtype());
    model_format_ = model_.format();
    grid_ = model_.latent_grid(widen(settings.num_frames), widen(settings.height), widen(settings.width));
    NoiseSchedule(schedule_).timesteps(settings.steps);  // refuses a number of steps before anything is computed
    format_ = {.num_frames = static_cast<int>(grid_.num_frames), .height = static_cast<int>(grid_.height_px), .width = static_cast<int>(grid_.width_px),
               .device = placement_.device.str(), .dtype = dtype_name(placement_.dtype), .sampler = sampler_name(settings.sampler, schedule_)};

    std::vector<std::string> texts;
    for (const SceneJob& job : jobs_) {
      conditionings_.push_back(make_region_conditioning(job.scene, tokens(), interpolation_from_name(settings.interpolation)));
      texts.insert(texts.end(), conditionings_.back().captions.begin(), conditionings_.back().captions.end());
    }
    if (jobs_.empty()) return;
    texts.push_back(settings.negative_prompt);
    embeddings_ = TextEmbeddings::encode(model_, texts, model_format_.text_length, placement_, run);
  }

  const SceneFormat& format() const override { return format_; }

  void denoise(size_t index, const std::filesystem::path& latents_path, RunContext& run) override {
    const c10::InferenceMode inference;
    const SceneJob& job = jobs_.at(index);
    if (!transformer_) transformer_.emplace(model_.open_transformer(placement_));
    NoiseSource noise(job.seed, settings_.noise_dtype == "model" ? placement_.dtype : at::kFloat);
    const at::Tensor start = noise.draw({1, grid_.latent_frames, model_format_.latent_channels, grid_.latent_height, grid_.latent_width});
    // The sampler goes on drawing from the same source, as diffusers does with one generator.
    const auto sampler = make_sampler(format_.sampler, schedule_, settings_.steps, noise);
    const RegionConditioning& conditioning = conditionings_.at(index);
    const std::vector<std::string> negatives(conditioning.captions.size(), settings_.negative_prompt);
    const at::Tensor latents = dreamrunner::denoise(*transformer_, *sampler, start,
                                                    {.prompt_embeds = embeddings_.stack(conditioning.captions),
                                                     .negative_prompt_embeds = embeddings_.stack(negatives),
                                                     .regions = conditioning.regions,
                                                     .visual_attention = visual_attention_,
                                                     .adapters = bind_priors(index, run),
                                                     .guidance_scale = settings_.guidance_scale},
                                                    job.label, run);
    write_tensors(latents_path, {{"latents", latents.to(at::kFloat)}}, {{"kind", "latents"}, {"seed", std::to_string(job.seed)}});
  }

  SceneFrames decode(const std::filesystem::path& latents_path, const std::string& label, RunContext& run) override {
    const c10::InferenceMode inference;
    const TensorMap file = read_tensors(latents_path);
    const at::Tensor& latents = require_tensor(file, "latents", latents_path.string());
    if (latents.dim() != 5 || latents.size(0) != 1 || latents.size(2) != model_format_.latent_channels || latents.numel() == 0) {
      throw Error(ErrorKind::input_file, fmt::format("{}: latents: found {}, [1, F, {}, H, W] expected", latents_path.string(),
                                                     shape_text(latents.sizes()), model_format_.latent_channels));
    }
    require_finite(latents, latents_path.string(), "latents");
    const at::Tensor pictures = make_room_for(
        [&] {
          if (!autoencoder_) autoencoder_.emplace(model_.open_vae(placement_, VideoAutoencoder::Parts::decoder));
          return decode_latents(*autoencoder_, latents, VideoAutoencoder::tiling(settings_.vae_tiling), label, run);
        },
        label, run);
    SceneFrames frames{.frames = static_cast<int>(pictures.size(0)), .height = static_cast<int>(pictures.size(1)), .width = static_cast<int>(pictures.size(2))};
    const uint8_t* data = pictures.const_data_ptr<uint8_t>();
    frames.pixels.assign(data, data + pictures.numel());
    return frames;
  }

 private:
  /// Where a GPU holds the transformer or what `decode` needs, but not both, the transformer goes and comes back with the
  /// next scene.
  template <class Decode>
  at::Tensor make_room_for(const Decode& decode, const std::string& label, RunContext& run) {
    try {
      return decode();
    } catch (const c10::Error& error) {
      if (!transformer_ || !is_out_of_gpu_memory(error)) throw;
    }
    run.report().note(label + ": the GPU is full; the transformer makes room for the autoencoder");
    transformer_.reset();
    at::getDeviceAllocator(placement_.device.type())->emptyCache();
    return decode();
  }

  TokenGrid tokens() const { return {.frames = grid_.latent_frames, .height = grid_.token_height, .width = grid_.token_width}; }

  /// The scene's priors, each bound to the tokens of its regions.
  std::shared_ptr<const TransformerAdapters> bind_priors(size_t index, RunContext& run) {
    const SceneJob& job = jobs_.at(index);
    std::vector<TransformerLora> loras;
    for (const BoundPrior& prior : job.priors) {
      auto found = loras_.find(prior.file);
      if (found == loras_.end()) found = loras_.emplace(prior.file, read_lora(prior.file, transformer_->adaptable_linears(), run).modules).first;
      TransformerLora lora{.modules = found->second, .weight = prior.weight, .name = prior.file.string()};
      if (!prior.everywhere) {
        lora.mask_L = make_prior_mask(job.scene, prior.places, conditionings_.at(index), tokens(), interpolation_from_name(settings_.interpolation),
                                      model_format_.text_length, settings_.lora_text_tokens);
      }
      loras.push_back(std::move(lora));
    }
    return transformer_->bind(loras);
  }

  GenerationSettings settings_;
  std::vector<SceneJob> jobs_;
  ModelFolder model_;
  NoiseScheduleConfig schedule_;
  VisualAttention visual_attention_;
  Placement placement_;
  VideoModelFormat model_format_;
  LatentGrid grid_;
  SceneFormat format_;
  std::vector<RegionConditioning> conditionings_;
  TextEmbeddings embeddings_;
  std::optional<VideoTransformer> transformer_;
  std::map<std::filesystem::path, LoraModules> loras_;  ///< Each read once, whatever the number of scenes.
  std::optional<VideoAutoencoder> autoencoder_;
};

}  // namespace

std::unique_ptr<SceneGenerator> make_scene_generator(const GenerationSettings& settings, const std::vector<SceneJob>& jobs, RunContext& run) {
  return std::make_unique<TorchSceneGenerator>(settings, jobs, run);
}

}  // namespace dreamrunner
