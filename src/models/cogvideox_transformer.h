#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapt/adaptable_linear.h"
#include "base/json.h"
#include "models/cogvideox_adapters.h"
#include "nn/attention.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/region_attention.h"

namespace dreamrunner {

/// `transformer/config.json` of CogVideoX 1.0. Defaults are those of diffusers' CogVideoXTransformer3DModel (the 2B model).
struct CogVideoXTransformerConfig {
  int64_t num_attention_heads = 30;
  int64_t attention_head_dim = 64;
  int64_t in_channels = 16;
  int64_t out_channels = 16;
  bool flip_sin_to_cos = true;
  int64_t freq_shift = 0;
  int64_t time_embed_dim = 512;
  int64_t text_embed_dim = 4096;
  int64_t num_layers = 30;
  bool attention_bias = true;
  int64_t sample_width = 90;
  int64_t sample_height = 60;
  int64_t sample_frames = 49;
  int64_t patch_size = 2;
  bool patch_bias = true;
  int64_t temporal_compression_ratio = 4;
  int64_t max_text_seq_length = 226;
  bool norm_elementwise_affine = true;
  double norm_eps = 1e-5;
  double spatial_interpolation_scale = 1.875;
  double temporal_interpolation_scale = 1.0;
  bool use_rotary_positional_embeddings = false;

  int64_t width() const { return num_attention_heads * attention_head_dim; }
};

/// Throws Error(input_file) for CogVideoX 1.5 and image-to-video models, which this program does not have yet.
CogVideoXTransformerConfig read_cogvideox_transformer_config(const Json& json, const std::string& origin);

/// The video diffusion transformer of CogVideoX 1.0, with region attention. Const: a call changes nothing but its result.
/// Shape legend: B batch, F latent frames, C latent channels, H and W latent height and width, h = H / patch and w = W / patch
/// tokens, V = F h w visual tokens, N texts of T tokens, D model width.
/// Source: diffusers, CogVideoXTransformer3DModel; region attention: DreamRunner, section 3.3.
class CogVideoXTransformer {
 public:
  CogVideoXTransformer(const CogVideoXTransformerConfig& config, const Weights& weights);

  /// Everything that does not depend on the timestep, worked out once a scene.
  struct Context {
    at::Tensor text_BSD;      ///< Projected texts, S = N T rows.
    at::Tensor positions_VD;  ///< sin-cos table; undefined for rotary models.
    at::Tensor rotary_turns;  ///< [V, head_dim / 2] complex; undefined for sin-cos models.
    std::optional<RegionLayout> regions;  ///< Without: every token sees every token.
    int64_t frames = 0, height = 0, width = 0;  ///< The grid of visual tokens.
    std::shared_ptr<const TransformerAdapters> adapters;  ///< Null: the model alone.
    bool recompute = false;  ///< In training: keep a block's input and its attention, and compute the rest again for gradients.
  };

  /// The linears that a LoRA may change.
  std::vector<AdaptableLinear> adaptable_linears() const;

  /// Binds LoRAs to the model's linears, all of one linear joined. Gradients flow to their factors. Throws Error(usage)
  /// for a LoRA that has a mask and changes a linear which sees no tokens of a region, and for a module the model lacks.
  /// `dropout` is that of a training step; each linear draws from a seed of its own.
  std::shared_ptr<const TransformerAdapters> bind(const std::vector<TransformerLora>& loras, const LoraDropout& dropout = {}) const;

  /// encoder_hidden_states [B, N T, text_embed_dim]; regions [N, F, h, w] (not zero = inside) or nothing, for N T texts as
  /// one; visual_attention counts with regions only. frames, latent_height and latent_width are those of the latents;
  /// adapters may be null. Throws Error(usage) for latent sizes that the patch does not divide (naming the nearest that it
  /// does) and for shapes that do not fit together.
  Context prepare(const at::Tensor& encoder_hidden_states, const std::optional<at::Tensor>& regions, int64_t frames, int64_t latent_height,
                  int64_t latent_width, VisualAttention visual_attention = VisualAttention::full,
                  std::shared_ptr<const TransformerAdapters> adapters = nullptr) const;

  /// hidden_states [B, F, C, H, W], timestep [B] or [1] int64 -> sample [B, F, out_channels, H, W], in the model's type.
  at::Tensor forward(const at::Tensor& hidden_states, const at::Tensor& timestep, const Context& context) const;

  const CogVideoXTransformerConfig& config() const { return config_; }
  at::Device device() const { return proj_out_.weight.device(); }
  at::ScalarType dtype() const { return proj_out_.weight.scalar_type(); }

 private:
  /// Normalisation whose shift, scale and gate depend on the timestep, apart for video and text.
  struct ModulatedNorm {
    Linear linear;
    LayerNorm norm;
  };
  struct Block {
    ModulatedNorm norm1;
    LayerNorm norm_q, norm_k;
    Linear to_q, to_k, to_v, to_out;
    ModulatedNorm norm2;
    Linear ff_in, ff_out;
  };
  /// Those of a block that see tokens, in the order of `BlockAdapters`.
  static std::array<const Linear*, 6> token_linears(const Block& block) {
    return {&block.to_q, &block.to_k, &block.to_v, &block.to_out, &block.ff_in, &block.ff_out};
  }
  struct Streams {
    at::Tensor text;
    at::Tensor video;
  };
  /// A block's attention, kept in the forward pass so that recomputation need not repeat it.
  struct KeptAttention {
    AttentionPart whole;
    bool known = false;
  };
  class RecomputeBlock;

  Streams run_block(const Block& block, const BlockAdapters& loras, const Streams& x, const at::Tensor& activated_time, const Context& context,
                    KeptAttention* kept = nullptr) const;
  Streams recompute_block(size_t index, const Streams& x, const at::Tensor& activated_time, const Context& context) const;
  at::Tensor attention(const Block& block, const BlockAdapters& loras, const at::Tensor& x_BLD, const Context& context, KeptAttention* kept) const;
  at::Tensor embed_time(const at::Tensor& timestep, const Context& context) const;
  at::Tensor patchify(const at::Tensor& hidden_states, const Context& context) const;
  at::Tensor unpatchify(const at::Tensor& tokens, const Context& context) const;

  CogVideoXTransformerConfig config_;
  at::Tensor patch_weight_, patch_bias_;
  Linear text_proj_, time_1_, time_2_;
  std::vector<Block> blocks_;
  LayerNorm norm_final_;
  Linear norm_out_linear_;
  LayerNorm norm_out_;
  Linear proj_out_;
};

}  // namespace dreamrunner
