#include "generate/denoise.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "tensor/finite.h"

namespace dreamrunner {

at::Tensor denoise(const VideoTransformer& transformer, Sampler& sampler, const at::Tensor& noise, const DenoiseConditions& conditions,
                   const std::string& label, RunContext& run) {
  const std::string stage = label + ": denoising";
  const bool guided = conditions.guidance_scale > 1.0;
  require_finite(conditions.prompt_embeds, stage, "prompt_embeds");
  if (guided) require_finite(conditions.negative_prompt_embeds, stage, "negative_prompt_embeds");
  const auto as_row = [](const at::Tensor& embeds) { return embeds.flatten(0, 1).unsqueeze(0); };
  const at::Tensor texts = guided ? at::cat({as_row(conditions.negative_prompt_embeds), as_row(conditions.prompt_embeds)}) : as_row(conditions.prompt_embeds);
  const auto context = transformer.prepare(texts, conditions.regions, noise.size(1), noise.size(3), noise.size(4), conditions.visual_attention, conditions.adapters);

  const auto& timesteps = sampler.timesteps();
  run.report().begin(stage, static_cast<int64_t>(timesteps.size()));
  at::Tensor latents = noise.to(transformer.device(), transformer.dtype());
  require_finite(latents, stage, "noise");
  for (size_t i = 0; i < timesteps.size(); ++i) {
    run.check();
    const at::Tensor input = guided ? latents.expand({2, -1, -1, -1, -1}) : latents;
    at::Tensor v = transformer.forward(input, at::full({1}, timesteps[i], at::kLong), context).to(at::kFloat);
    if (guided) {
      const at::Tensor negative = v.slice(0, 0, 1);
      v = negative + (v.slice(0, 1, 2) - negative) * conditions.guidance_scale;
    }
    latents = sampler.step(i, v, latents);
    // After the step: looking waits for the GPU, which until then computes while the sampler draws its noise.
    require_finite(v, stage, fmt::format("v-prediction at step {} of {} (timestep {})", i + 1, timesteps.size(), timesteps[i]));
    run.report().advance(static_cast<int64_t>(i) + 1);
  }
  require_finite(latents, stage, "latents");
  run.report().end();
  return latents;
}

}  // namespace dreamrunner
