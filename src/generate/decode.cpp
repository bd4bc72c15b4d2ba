#include "generate/decode.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {

namespace {

/// Runs `decode`, and says in what it throws for NaN whose pictures these were.
template <class Decode>
at::Tensor decode_for(const std::string& label, const Decode& decode) {
  try {
    return decode();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::numerical) throw;
    throw Error(error.kind(), fmt::format("{}: {}", label, error.what()), error.hint());
  }
}

}  // namespace

at::Tensor decode_latents(const VideoAutoencoder& autoencoder, const at::Tensor& latents, VideoAutoencoder::Tiling tiling, const std::string& label,
                          RunContext& run) {
  const std::string stage = label + ": decoding";
  run.report().begin(stage, autoencoder.decode_steps(latents.size(1), latents.size(3), latents.size(4), tiling));
  const at::Tensor scaled = latents.permute({0, 2, 1, 3, 4}).to(autoencoder.device(), autoencoder.dtype()) / autoencoder.scaling_factor();
  const at::Tensor pixels = decode_for(label, [&] { return autoencoder.decode(scaled, run, tiling); }).to(at::kFloat);
  const at::Tensor bytes = ((pixels * 0.5 + 0.5).clamp(0, 1) * 255).round().to(at::kByte);
  run.report().end();
  return bytes.squeeze(0).permute({1, 2, 3, 0}).to(at::kCPU).contiguous();
}

}  // namespace dreamrunner
