#include "generate/decode.h"

#include <ATen/ATen.h>

#include "tensor/finite.h"

namespace dreamrunner {

at::Tensor decode_latents(const VideoAutoencoder& autoencoder, const at::Tensor& latents, const std::string& label, RunContext& run) {
  const std::string stage = label + ": decoding";
  run.report().begin(stage, VideoAutoencoder::decode_steps(latents.size(1)));
  const at::Tensor scaled = latents.permute({0, 2, 1, 3, 4}).to(autoencoder.device(), autoencoder.dtype()) / autoencoder.scaling_factor();
  const at::Tensor pixels = autoencoder.decode(scaled, run).to(at::kFloat);
  require_finite(pixels, stage, "pixels");
  const at::Tensor bytes = ((pixels * 0.5 + 0.5).clamp(0, 1) * 255).round().to(at::kByte);
  run.report().end();
  return bytes.squeeze(0).permute({1, 2, 3, 0}).to(at::kCPU).contiguous();
}

}  // namespace dreamrunner
