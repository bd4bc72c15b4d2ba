#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/run_context.h"
#include "models/vae_tiling.h"
#include "nn/causal_conv3d.h"
#include "nn/norm.h"

namespace dreamrunner {

/// `vae/config.json`. Defaults are those of diffusers' AutoencoderKLCogVideoX (the 2B model).
struct CogVideoXVaeConfig {
  int64_t in_channels = 3;
  int64_t out_channels = 3;
  std::vector<int64_t> block_out_channels = {128, 256, 256, 512};
  int64_t latent_channels = 16;
  int64_t layers_per_block = 3;
  double norm_eps = 1e-6;
  int64_t norm_num_groups = 32;
  int64_t temporal_compression_ratio = 4;
  int64_t sample_height = 480;
  int64_t sample_width = 720;
  double scaling_factor = 1.15258426;

  /// Pixels a latent, in height and width.
  int64_t spatial_ratio() const { return int64_t{1} << (block_out_channels.size() - 1); }
};

CogVideoXVaeConfig read_cogvideox_vae_config(const Json& json, const std::string& origin);

/// How a video passes through the autoencoder: [begin, end) of each chunk of frames. The remainder goes into the first.
/// Source: diffusers, AutoencoderKLCogVideoX._encode and _decode.
std::vector<std::pair<int64_t, int64_t>> temporal_chunks(int64_t frames, int64_t chunk);

/// The causal video autoencoder of CogVideoX. Both ways throw Error(numerical), naming the chunk, for NaN or infinity. Videos pass in chunks of frames; the last frames that each convolution saw
/// are carried over, and normalisation sees one chunk at a time, as in the reference.
/// Source: diffusers, AutoencoderKLCogVideoX.
class CogVideoXVae {
 public:
  /// Which halves to load: generation needs no encoder.
  enum class Parts { both, decoder };

  /// `on`: pictures larger than half the size that the autoencoder was made for pass in overlapping tiles of that half.
  /// That takes a fraction of the memory and more time, and changes pictures a little, since normalisation sees one tile at
  /// a time. The result has the same size.
  enum class Tiling { off, on };
  static Tiling tiling(bool on) { return on ? Tiling::on : Tiling::off; }

  CogVideoXVae(const CogVideoXVaeConfig& config, const Weights& weights, Parts parts = Parts::both);

  /// The distribution of the latents (not scaled).
  struct Posterior {
    at::Tensor mean;    ///< [B, C, F', H / 8, W / 8]
    at::Tensor logvar;  ///< The same shape, clamped to -30..20.
  };

  /// pixels [B, 3, F, H, W] in -1..1. Throws Error(usage) unless H and W are multiples of the spatial ratio.
  /// `run` is asked to stop and told of progress between chunks.
  Posterior encode(const at::Tensor& pixels, RunContext& run, Tiling tiling = Tiling::off) const;

  /// latents [B, C, F', H', W'], not scaled (divided by the scaling factor) -> pixels [B, 3, F, 8 H', 8 W'], about -1..1.
  at::Tensor decode(const at::Tensor& latents, RunContext& run, Tiling tiling = Tiling::off) const;

  /// In how many steps `decode` reports its progress with `latent_frames` of `height` x `width` latents.
  int64_t decode_steps(int64_t latent_frames, int64_t height, int64_t width, Tiling tiling = Tiling::off) const;

  /// What latents are multiplied by for the transformer.
  double scaling_factor() const { return config_.scaling_factor; }
  const CogVideoXVaeConfig& config() const { return config_; }
  at::Device device() const { return decoder_.conv_out.weight.device(); }
  at::ScalarType dtype() const { return decoder_.conv_out.weight.scalar_type(); }

 private:
  /// Group normalisation, scaled and shifted by the latents in the decoder.
  struct Norm {
    GroupNorm group;
    std::optional<CausalConv3d> conv_y, conv_b;
    at::Tensor forward(const at::Tensor& x, const at::Tensor& latents, ConvCache& cache) const;
  };
  struct Resnet {
    Norm norm1;
    CausalConv3d conv1;
    Norm norm2;
    CausalConv3d conv2;
    at::Tensor shortcut_weight, shortcut_bias;  ///< Undefined where the channels stay.
    at::Tensor forward(const at::Tensor& x, const at::Tensor& latents, ConvCache& cache) const;
  };
  struct Resample {
    at::Tensor weight, bias;  ///< A 3 x 3 convolution of each picture.
    bool in_time = false;
    at::Tensor shrink(const at::Tensor& x) const;
    at::Tensor grow(const at::Tensor& x) const;
  };
  struct Level {
    std::vector<Resnet> resnets;
    std::optional<Resample> resample;
  };
  struct Half {
    CausalConv3d conv_in;
    std::vector<Level> levels;
    std::vector<Resnet> mid;
    Norm norm_out;
    CausalConv3d conv_out;
  };

  Norm take_norm(const Weights& weights, int64_t channels, bool decoder);
  Resnet take_resnet(const Weights& weights, int64_t in, int64_t out, bool decoder);
  Half take_encoder(const Weights& weights);
  Half take_decoder(const Weights& weights);
  TileCover cover(int64_t height, int64_t width, Tiling tiling) const;
  at::Tensor encode_chunk(const at::Tensor& pixels, ConvCache& cache) const;
  at::Tensor decode_chunk(const at::Tensor& latents, ConvCache& cache) const;

  CogVideoXVaeConfig config_;
  size_t cache_slots_ = 0;
  std::optional<Half> encoder_;
  Half decoder_;
};

}  // namespace dreamrunner
