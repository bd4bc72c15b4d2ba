#include "models/cogvideox_transformer.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <fmt/format.h>

#include "base/error.h"
#include "models/config_reader.h"
#include "nn/positions.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

constexpr double kQueryKeyNormEps = 1e-6;  // fixed in the reference, whatever norm_eps says

/// The linear that `member` of the context's adapters puts in the place of the model's own.
Linear changed(const Linear& own, const CogVideoXTransformer::Context& context, std::optional<Linear> TransformerAdapters::*member) {
  return context.adapters ? ((*context.adapters).*member).value_or(own) : own;
}

/// normed * (1 + scale) + shift
at::Tensor modulate(const at::Tensor& normed, const at::Tensor& scale, const at::Tensor& shift) { return normed * (scale + 1) + shift; }

/// What the timestep does to a stream before and after a sublayer; each [B, 1, D].
struct Modulation {
  at::Tensor shift, scale, gate;

  at::Tensor apply(const at::Tensor& normed) const { return modulate(normed, scale, shift); }
};
struct Modulations {
  Modulation video, text;
};

Modulations modulations(const Linear& linear, const at::Tensor& activated_time) {
  const std::vector<at::Tensor> parts = linear.forward(activated_time).unsqueeze(1).chunk(6, -1);
  return {.video = {parts[0], parts[1], parts[2]}, .text = {parts[3], parts[4], parts[5]}};
}

}  // namespace

CogVideoXTransformerConfig read_cogvideox_transformer_config(const Json& json, const std::string& origin) {
  const ConfigReader reader(json, origin);
  const std::string why = "this program reads the text-to-video models of CogVideoX 1.0 (2B and 5B)";
  reader.require("_class_name", "CogVideoXTransformer3DModel", why);
  reader.require("patch_size_t", nullptr, why);
  reader.require("ofs_embed_dim", nullptr, why);
  reader.require("use_learned_positional_embeddings", false, why);
  reader.require("activation_fn", "gelu-approximate", why);
  reader.require("timestep_activation_fn", "silu", why);
  CogVideoXTransformerConfig config;
  config.num_attention_heads = reader.integer("num_attention_heads", config.num_attention_heads, 1, 1024);
  config.attention_head_dim = reader.integer("attention_head_dim", config.attention_head_dim, 8, 1024);
  config.in_channels = reader.integer("in_channels", config.in_channels, 1, 4096);
  config.out_channels = reader.integer("out_channels", config.out_channels, 1, 4096);
  config.flip_sin_to_cos = reader.flag("flip_sin_to_cos", config.flip_sin_to_cos);
  config.freq_shift = reader.integer("freq_shift", config.freq_shift, 0, 1);
  config.time_embed_dim = reader.integer("time_embed_dim", config.time_embed_dim, 1, 1 << 16);
  config.text_embed_dim = reader.integer("text_embed_dim", config.text_embed_dim, 1, 1 << 16);
  config.num_layers = reader.integer("num_layers", config.num_layers, 1, 1024);
  config.attention_bias = reader.flag("attention_bias", config.attention_bias);
  config.sample_width = reader.integer("sample_width", config.sample_width, 1, 4096);
  config.sample_height = reader.integer("sample_height", config.sample_height, 1, 4096);
  config.sample_frames = reader.integer("sample_frames", config.sample_frames, 1, 4096);
  config.patch_size = reader.integer("patch_size", config.patch_size, 1, 16);
  config.patch_bias = reader.flag("patch_bias", config.patch_bias);
  config.temporal_compression_ratio = reader.integer("temporal_compression_ratio", config.temporal_compression_ratio, 1, 16);
  config.max_text_seq_length = reader.integer("max_text_seq_length", config.max_text_seq_length, 1, 4096);
  config.norm_elementwise_affine = reader.flag("norm_elementwise_affine", config.norm_elementwise_affine);
  config.norm_eps = reader.real("norm_eps", config.norm_eps, 0, 1);
  config.spatial_interpolation_scale = reader.real("spatial_interpolation_scale", config.spatial_interpolation_scale, 1e-3, 1e3);
  config.temporal_interpolation_scale = reader.real("temporal_interpolation_scale", config.temporal_interpolation_scale, 1e-3, 1e3);
  config.use_rotary_positional_embeddings = reader.flag("use_rotary_positional_embeddings", config.use_rotary_positional_embeddings);
  if (config.in_channels != config.out_channels) {
    reader.refuse(fmt::format("in_channels {} and out_channels {} differ", config.in_channels, config.out_channels), why);
  }
  // The sin-cos table splits the width into quarters and eighths of even size; the rotary one does so with a head.
  const int64_t split = config.use_rotary_positional_embeddings ? config.attention_head_dim : config.width();
  if (split % 16 != 0) reader.refuse(fmt::format("{} channels for positions, a multiple of 16 expected", split));
  return config;
}

CogVideoXTransformer::CogVideoXTransformer(const CogVideoXTransformerConfig& config, const Weights& weights) : config_(config) {
  const int64_t d = config.width();
  const int64_t time = config.time_embed_dim;
  const auto take_modulated = [&](const Weights& scope) {
    return ModulatedNorm{.linear = take_linear(scope / "linear", time, 6 * d),
                         .norm = take_layer_norm(scope / "norm", d, config.norm_eps, config.norm_elementwise_affine)};
  };
  patch_weight_ = weights.take("patch_embed.proj.weight", {d, config.in_channels, config.patch_size, config.patch_size});
  if (config.patch_bias) patch_bias_ = weights.take("patch_embed.proj.bias", {d});
  text_proj_ = take_linear(weights / "patch_embed" / "text_proj", config.text_embed_dim, d);
  time_1_ = take_linear(weights / "time_embedding" / "linear_1", d, time);
  time_2_ = take_linear(weights / "time_embedding" / "linear_2", time, time);
  for (int64_t i = 0; i < config.num_layers; ++i) {
    const Weights scope = weights / "transformer_blocks" / std::to_string(i);
    const Weights attn = scope / "attn1";
    blocks_.push_back({.norm1 = take_modulated(scope / "norm1"),
                       .norm_q = take_layer_norm(attn / "norm_q", config.attention_head_dim, kQueryKeyNormEps),
                       .norm_k = take_layer_norm(attn / "norm_k", config.attention_head_dim, kQueryKeyNormEps),
                       .to_q = take_linear(attn / "to_q", d, d, config.attention_bias),
                       .to_k = take_linear(attn / "to_k", d, d, config.attention_bias),
                       .to_v = take_linear(attn / "to_v", d, d, config.attention_bias),
                       .to_out = take_linear(attn / "to_out" / "0", d, d),
                       .norm2 = take_modulated(scope / "norm2"),
                       .ff_in = take_linear(scope / "ff" / "net" / "0" / "proj", d, 4 * d),
                       .ff_out = take_linear(scope / "ff" / "net" / "2", 4 * d, d)});
  }
  norm_final_ = take_layer_norm(weights / "norm_final", d, config.norm_eps, config.norm_elementwise_affine);
  norm_out_linear_ = take_linear(weights / "norm_out" / "linear", time, 2 * d);
  norm_out_ = take_layer_norm(weights / "norm_out" / "norm", d, config.norm_eps, config.norm_elementwise_affine);
  proj_out_ = take_linear(weights / "proj_out", d, config.patch_size * config.patch_size * config.out_channels);
  // Some exports of sin-cos models store the table, which is computed here for the size at hand.
  weights.ignore("patch_embed.pos_embedding");
  weights.finish();
}

CogVideoXTransformer::Context CogVideoXTransformer::prepare(const at::Tensor& encoder_hidden_states, const std::optional<at::Tensor>& regions,
                                                            int64_t frames, int64_t latent_height, int64_t latent_width,
                                                            VisualAttention visual_attention,
                                                            std::shared_ptr<const TransformerAdapters> adapters) const {
  const int64_t p = config_.patch_size;
  if (frames < 1 || latent_height < p || latent_width < p || latent_height % p != 0 || latent_width % p != 0) {
    const auto nearest = [p](int64_t n) { return std::max(p, (n + p / 2) / p * p); };
    throw Error(ErrorKind::usage, fmt::format("latents of {} frames, {} x {}: multiples of the patch {} expected; nearest: {} x {}", frames,
                                              latent_height, latent_width, p, nearest(latent_height), nearest(latent_width)));
  }
  if (encoder_hidden_states.dim() != 3 || encoder_hidden_states.size(2) != config_.text_embed_dim || encoder_hidden_states.size(1) < 1) {
    throw Error(ErrorKind::usage, fmt::format("encoder_hidden_states: found {}, [B, tokens, {}] expected",
                                              shape_text(encoder_hidden_states.sizes()), config_.text_embed_dim));
  }
  Context context;
  context.frames = frames;
  context.height = latent_height / p;
  context.width = latent_width / p;
  if (regions) {
    const int64_t texts = regions->dim() == 4 ? regions->size(0) : 0;
    if (texts < 1 || regions->size(1) != frames || regions->size(2) != context.height || regions->size(3) != context.width) {
      throw Error(ErrorKind::usage, fmt::format("regions: found {}, [N, {}, {}, {}] expected", shape_text(regions->sizes()), frames,
                                                context.height, context.width));
    }
    if (encoder_hidden_states.size(1) % texts != 0) {
      throw Error(ErrorKind::usage, fmt::format("encoder_hidden_states: {} tokens are not divided by {} texts", encoder_hidden_states.size(1), texts));
    }
    context.regions = make_region_layout(regions->flatten(1), encoder_hidden_states.size(1) / texts, device(), visual_attention);
  }
  if (adapters && adapters->tokens != 0) {
    const int64_t tokens = encoder_hidden_states.size(1) + frames * context.height * context.width;
    if (adapters->tokens != tokens) throw Error(ErrorKind::usage, fmt::format("masks of LoRAs: found {} tokens, {} expected", adapters->tokens, tokens));
  }
  context.adapters = std::move(adapters);
  context.text_BSD = changed(text_proj_, context, &TransformerAdapters::text_proj).forward(encoder_hidden_states.to(device(), dtype()));
  if (config_.use_rotary_positional_embeddings) {
    context.rotary_turns = rotary_turns(rotary_positions(config_.attention_head_dim, frames, context.height, context.width,
                                                         config_.sample_height / p, config_.sample_width / p))
                               .to(device());
  } else {
    // Rounded once, from float64 to the model's type.
    context.positions_VD = sincos_positions(config_.width(), frames, context.height, context.width, config_.spatial_interpolation_scale,
                                            config_.temporal_interpolation_scale)
                               .to(device(), dtype());
  }
  return context;
}

at::Tensor CogVideoXTransformer::embed_time(const at::Tensor& timestep, const Context& context) const {
  const at::Tensor features = timestep_features(timestep.to(device()), config_.width(), config_.flip_sin_to_cos, static_cast<double>(config_.freq_shift));
  const at::Tensor hidden = changed(time_1_, context, &TransformerAdapters::time_1).forward(features.to(dtype()));
  return changed(time_2_, context, &TransformerAdapters::time_2).forward(at::silu(hidden));
}

at::Tensor CogVideoXTransformer::patchify(const at::Tensor& hidden_states, const Context& context) const {
  const at::Tensor pictures = hidden_states.flatten(0, 1);
  const Linear patch = changed({patch_weight_, patch_bias_}, context, &TransformerAdapters::patch);
  const at::Tensor tokens = at::conv2d(pictures, patch.weight, patch.bias, /*stride=*/config_.patch_size);
  return tokens.unflatten(0, {hidden_states.size(0), hidden_states.size(1)}).flatten(3).permute({0, 1, 3, 2}).flatten(1, 2);
}

at::Tensor CogVideoXTransformer::unpatchify(const at::Tensor& tokens, const Context& context) const {
  const int64_t p = config_.patch_size;
  return tokens.reshape({tokens.size(0), context.frames, context.height, context.width, config_.out_channels, p, p})
      .permute({0, 1, 4, 2, 5, 3, 6})
      .reshape({tokens.size(0), context.frames, config_.out_channels, context.height * p, context.width * p});
}

at::Tensor CogVideoXTransformer::attention(const Block& block, const BlockAdapters& loras, const at::Tensor& x_BLD, const Context& context,
                                           KeptAttention* kept) const {
  const auto in_heads = [&](const at::Tensor& x) { return x.unflatten(-1, {config_.num_attention_heads, config_.attention_head_dim}); };
  // Normalised before they are turned: a norm copies what does not lie in order.
  at::Tensor q_BHLE = block.norm_q.forward(in_heads(loras.to_q.add_to(block.to_q.forward(x_BLD), x_BLD))).transpose(1, 2);
  at::Tensor k_BHLE = block.norm_k.forward(in_heads(loras.to_k.add_to(block.to_k.forward(x_BLD), x_BLD))).transpose(1, 2);
  const at::Tensor v_BHLE = in_heads(loras.to_v.add_to(block.to_v.forward(x_BLD), x_BLD)).transpose(1, 2);
  if (context.rotary_turns.defined()) {
    const int64_t text = context.text_BSD.size(1);
    const auto turn_video = [&](const at::Tensor& x) {
      return at::cat({x.slice(2, 0, text), rotate_pairs(x.slice(2, text), context.rotary_turns)}, 2);
    };
    q_BHLE = turn_video(q_BHLE);
    k_BHLE = turn_video(k_BHLE);
  }
  const double scale = 1.0 / std::sqrt(static_cast<double>(config_.attention_head_dim));
  at::Tensor out_BHLE;
  if (context.regions) {
    out_BHLE = region_attention(q_BHLE, k_BHLE, v_BHLE, *context.regions, scale);
  } else if (kept == nullptr) {
    out_BHLE = at::scaled_dot_product_attention(q_BHLE, k_BHLE, v_BHLE, {}, 0.0, false, scale);
  } else {
    if (!kept->known) kept->whole = attend(q_BHLE, k_BHLE, v_BHLE, scale);
    out_BHLE = attention_known(q_BHLE, k_BHLE, v_BHLE, kept->whole, scale);
  }
  const at::Tensor joined_BLD = out_BHLE.transpose(1, 2).flatten(2);
  return loras.to_out.add_to(block.to_out.forward(joined_BLD), joined_BLD);
}

CogVideoXTransformer::Streams CogVideoXTransformer::run_block(const Block& block, const BlockAdapters& loras, const Streams& x,
                                                              const at::Tensor& activated_time, const Context& context, KeptAttention* kept) const {
  const int64_t text_rows = x.text.size(1);
  const auto split = [&](const at::Tensor& joint) { return Streams{joint.slice(1, 0, text_rows), joint.slice(1, text_rows)}; };

  const Modulations around_attention = modulations(loras.norm1.value_or(block.norm1.linear), activated_time);
  const LayerNorm& norm1 = block.norm1.norm;
  at::Tensor joint = at::cat({around_attention.text.apply(norm1.forward(x.text)), around_attention.video.apply(norm1.forward(x.video))}, 1);
  const Streams attended = split(attention(block, loras, joint, context, kept));
  const Streams y{x.text + around_attention.text.gate * attended.text, x.video + around_attention.video.gate * attended.video};

  const Modulations around_ff = modulations(loras.norm2.value_or(block.norm2.linear), activated_time);
  const LayerNorm& norm2 = block.norm2.norm;
  joint = at::cat({around_ff.text.apply(norm2.forward(y.text)), around_ff.video.apply(norm2.forward(y.video))}, 1);
  const at::Tensor hidden = at::gelu(loras.ff_in.add_to(block.ff_in.forward(joint), joint), "tanh");
  const Streams fed = split(loras.ff_out.add_to(block.ff_out.forward(hidden), hidden));
  return {y.text + around_ff.text.gate * fed.text, y.video + around_ff.video.gate * fed.video};
}

at::Tensor CogVideoXTransformer::forward(const at::Tensor& hidden_states, const at::Tensor& timestep, const Context& context) const {
  const int64_t p = config_.patch_size;
  if (hidden_states.dim() != 5 || hidden_states.size(1) != context.frames || hidden_states.size(2) != config_.in_channels ||
      hidden_states.size(3) != context.height * p || hidden_states.size(4) != context.width * p) {
    throw Error(ErrorKind::usage, fmt::format("hidden_states: found {}, [B, {}, {}, {}, {}] expected", shape_text(hidden_states.sizes()), context.frames,
                                              config_.in_channels, context.height * p, context.width * p));
  }
  const int64_t batch = hidden_states.size(0);
  if (context.text_BSD.size(0) != batch || (timestep.numel() != batch && timestep.numel() != 1)) {
    throw Error(ErrorKind::usage, fmt::format("batch of {} latents, {} texts and {} timesteps", batch, context.text_BSD.size(0), timestep.numel()));
  }
  const at::Tensor activated_time = at::silu(embed_time(timestep.flatten(), context));
  Streams x{context.text_BSD, patchify(hidden_states.to(device(), dtype()), context)};
  if (context.positions_VD.defined()) x.video = x.video + context.positions_VD;
  static const BlockAdapters kNoLoras;
  const bool recompute = context.recompute && c10::GradMode::is_enabled();
  for (size_t i = 0; i < blocks_.size(); ++i) {
    x = recompute ? recompute_block(i, x, activated_time, context)
                  : run_block(blocks_[i], context.adapters ? context.adapters->blocks[i] : kNoLoras, x, activated_time, context);
  }

  const auto modulation = changed(norm_out_linear_, context, &TransformerAdapters::norm_out).forward(activated_time).unsqueeze(1).chunk(2, -1);  // shift, scale
  const at::Tensor video = modulate(norm_out_.forward(norm_final_.forward(x.video)), modulation[1], modulation[0]);
  return unpatchify(changed(proj_out_, context, &TransformerAdapters::proj_out).forward(video), context);
}

}  // namespace dreamrunner
