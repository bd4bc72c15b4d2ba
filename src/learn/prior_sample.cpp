#include "learn/prior_sample.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "base/files.h"
#include "diffusion/sampler.h"
#include "generate/decode.h"
#include "generate/denoise.h"
#include "generate/text_embeddings.h"
#include "media/video_writer.h"
#include "tensor/noise.h"

namespace dreamrunner {
namespace {

constexpr int kSteps = 25;
constexpr double kGuidance = 5.0;

}  // namespace

PriorSampler::PriorSampler(const ModelFolder& model, const std::string& prompt, const LatentGrid& grid, Placement placement, int64_t seed, RunContext& run)
    : model_(model), grid_(grid), placement_(placement), seed_(seed) {
  const c10::NoGradGuard no_grad;
  const TextEmbeddings texts = TextEmbeddings::encode(model, {prompt, ""}, model.format().text_length, placement, run);
  prompt_1TD_ = texts.stack({prompt});
  negative_1TD_ = texts.stack({""});
}

void PriorSampler::write(const VideoTransformer& transformer, const LoraModules& prior, const std::filesystem::path& path, const std::string& label,
                         RunContext& run) const {
  const c10::NoGradGuard no_grad;
  RunContext quiet{run.stop, nullptr};  // Inside the progress of learning.
  const NoiseScheduleConfig schedule = model_.scheduler_config();
  NoiseSource noise(seed_);
  const at::Tensor start = noise.draw({1, grid_.latent_frames, model_.format().latent_channels, grid_.latent_height, grid_.latent_width});
  const auto sampler = make_sampler(sampler_name("auto", schedule), schedule, kSteps, noise);
  const at::Tensor latents = denoise(transformer, *sampler, start,
                                     {.prompt_embeds = prompt_1TD_,
                                      .negative_prompt_embeds = negative_1TD_,
                                      .regions = std::nullopt,
                                      .adapters = transformer.bind({{.modules = prior, .name = "the prior"}}),
                                      .guidance_scale = kGuidance},
                                     label, quiet);
  const VideoAutoencoder autoencoder = model_.open_vae(placement_, VideoAutoencoder::Parts::decoder);
  const at::Tensor pixels = decode_latents(autoencoder, latents, VideoAutoencoder::Tiling::off, label, quiet).contiguous();
  make_folders(path.parent_path());
  write_video(path, {static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), static_cast<int>(pixels.size(2)), pixels.const_data_ptr<uint8_t>()}, {}, quiet);
}

}  // namespace dreamrunner
