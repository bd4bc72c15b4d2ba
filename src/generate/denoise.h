#pragma once

#include <memory>
#include <optional>
#include <string>

#include <ATen/core/Tensor.h>

#include "base/run_context.h"
#include "diffusion/sampler.h"
#include "models/model_folder.h"

namespace dreamrunner {

/// What a sample is drawn towards.
struct DenoiseConditions {
  at::Tensor prompt_embeds;           ///< [N, T, D]
  at::Tensor negative_prompt_embeds;  ///< [N, T, D]; not read without guidance.
  std::optional<at::Tensor> regions;  ///< [N, F, h, w] uint8; without: all N texts rule everywhere, as one.
  VisualAttention visual_attention = VisualAttention::full;  ///< With regions only.
  std::shared_ptr<const TransformerAdapters> adapters;       ///< LoRAs, alike in both branches of guidance; null: none.
  double guidance_scale = 6.0;        ///< Guidance is on above 1: v = v_negative + g (v_prompt - v_negative).
};

/// Takes pure noise [1, F, C, H, W] to clean latents with all steps of `sampler`. Both branches of guidance pass as one
/// batch, with the same regions. `label` names the work in progress reports and errors ("scene 2").
/// Throws Error(numerical) naming the step when the model's prediction is NaN or infinite, Error(interrupted) between steps.
/// Source: diffusers, the video pipeline's __call__; DreamRunner's negative branch of N texts.
at::Tensor denoise(const VideoTransformer& transformer, Sampler& sampler, const at::Tensor& noise, const DenoiseConditions& conditions,
                   const std::string& label, RunContext& run);

}  // namespace dreamrunner
