#pragma once

#include <string>

#include <ATen/core/Tensor.h>

#include "base/run_context.h"
#include "models/model_folder.h"

namespace dreamrunner {

/// Decodes latents [1, F, C, H, W], as `denoise` returns them, to pictures [frames, height, width, 3] uint8 on the CPU:
/// divided by the scaling factor, -1..1 mapped to 0..255, clamped and rounded to the nearest.
/// Throws Error(numerical) for NaN or infinity.
at::Tensor decode_latents(const VideoAutoencoder& autoencoder, const at::Tensor& latents, VideoAutoencoder::Tiling tiling, const std::string& label,
                          RunContext& run);

}  // namespace dreamrunner
