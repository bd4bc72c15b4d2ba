#include "models/t5_encoder.h"

#include <cmath>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "models/config_reader.h"

namespace dreamrunner {
namespace {

/// The bucket of a distance between key and query: exact when near, logarithmic when far, apart for the two directions.
/// Source: transformers, T5Attention._relative_position_bucket (bidirectional).
int64_t relative_bucket(int64_t relative, int64_t buckets, int64_t max_distance) {
  const int64_t half = buckets / 2;
  const int64_t exact = half / 2;
  const int64_t base = relative > 0 ? half : 0;
  const int64_t distance = std::abs(relative);
  if (distance < exact) return base + distance;
  // In fp32, so that distances on the edge of a bucket fall where the reference puts them.
  const float ratio = std::log(static_cast<float>(distance) / static_cast<float>(exact)) /
                      static_cast<float>(std::log(static_cast<double>(max_distance) / static_cast<double>(exact)));
  const int64_t far = exact + static_cast<int64_t>(ratio * static_cast<float>(half - exact));
  return base + std::min(far, half - 1);
}

/// In half precision the residual can overflow; the reference clamps it just inside the range.
at::Tensor clamp_half(const at::Tensor& x) {
  if (x.scalar_type() != at::kHalf) return x;
  const at::Tensor limit = at::where(at::isinf(x).any(), 64504.0, 65504.0);  // on the device: nobody waits for the answer
  return x.clamp(-limit, limit);
}

/// The last product of a feed-forward outgrows half precision in the large encoders: the reference keeps its weights in
/// fp32, and with them the sum of the residual from the first block on. Source: T5PreTrainedModel._keep_in_fp32_modules.
Weights kept_in_float(const Weights& weights) { return weights.dtype() == at::kHalf ? weights.with_dtype(at::kFloat) : weights; }

}  // namespace

T5EncoderConfig read_t5_encoder_config(const Json& json, const std::string& origin) {
  const ConfigReader reader(json, origin);
  const std::string why = "this program reads T5 v1.1 encoders";
  reader.require("model_type", "t5", why);
  reader.require("feed_forward_proj", "gated-gelu", why);
  T5EncoderConfig config;
  config.vocab_size = reader.integer("vocab_size", config.vocab_size, 3, 1 << 20);
  config.d_model = reader.integer("d_model", config.d_model, 1, 1 << 16);
  config.d_kv = reader.integer("d_kv", config.d_kv, 1, 1 << 12);
  config.d_ff = reader.integer("d_ff", config.d_ff, 1, 1 << 18);
  config.num_layers = reader.integer("num_layers", config.num_layers, 1, 1024);
  config.num_heads = reader.integer("num_heads", config.num_heads, 1, 1024);
  config.relative_attention_num_buckets = reader.integer("relative_attention_num_buckets", config.relative_attention_num_buckets, 4, 1 << 12);
  // Buckets of one distance each reach to a quarter of their number; the others spread over what is beyond.
  config.relative_attention_max_distance =
      reader.integer("relative_attention_max_distance", config.relative_attention_max_distance, config.relative_attention_num_buckets / 4 + 1, 1 << 16);
  config.layer_norm_epsilon = reader.real("layer_norm_epsilon", config.layer_norm_epsilon, 0, 1);
  return config;
}

T5Encoder::T5Encoder(const T5EncoderConfig& config, const Weights& weights) : config_(config) {
  const int64_t inner = config.num_heads * config.d_kv;
  embedding_ = weights.take("shared.weight", {config.vocab_size, config.d_model});
  weights.ignore("encoder.embed_tokens.weight");  // the same matrix under its second name
  const Weights encoder = weights / "encoder";
  relative_bias_ = encoder.take("block.0.layer.0.SelfAttention.relative_attention_bias.weight",
                                {config.relative_attention_num_buckets, config.num_heads});
  for (int64_t i = 0; i < config.num_layers; ++i) {
    const Weights block = encoder / "block" / std::to_string(i) / "layer";
    const Weights attention = block / "0" / "SelfAttention";
    const Weights ff = block / "1" / "DenseReluDense";
    blocks_.push_back({.attention_norm = take_rms_norm(block / "0" / "layer_norm", config.d_model, config.layer_norm_epsilon),
                       .q = take_linear(attention / "q", config.d_model, inner, false),
                       .k = take_linear(attention / "k", config.d_model, inner, false),
                       .v = take_linear(attention / "v", config.d_model, inner, false),
                       .o = take_linear(attention / "o", inner, config.d_model, false),
                       .ff_norm = take_rms_norm(block / "1" / "layer_norm", config.d_model, config.layer_norm_epsilon),
                       .wi_0 = take_linear(ff / "wi_0", config.d_model, config.d_ff, false),
                       .wi_1 = take_linear(ff / "wi_1", config.d_model, config.d_ff, false),
                       .wo = take_linear(kept_in_float(ff / "wo"), config.d_ff, config.d_model, false)});
  }
  final_norm_ = take_rms_norm(encoder / "final_layer_norm", config.d_model, config.layer_norm_epsilon);
  weights.finish();
}

at::Tensor T5Encoder::position_bias(int64_t length) const {
  at::Tensor buckets = at::empty({length, length}, at::kLong);
  auto bucket = buckets.accessor<int64_t, 2>();
  for (int64_t query = 0; query < length; ++query) {
    for (int64_t key = 0; key < length; ++key) {
      bucket[query][key] = relative_bucket(key - query, config_.relative_attention_num_buckets, config_.relative_attention_max_distance);
    }
  }
  return at::embedding(relative_bias_, buckets.to(relative_bias_.device())).permute({2, 0, 1}).unsqueeze(0);
}

at::Tensor T5Encoder::forward(const at::Tensor& input_ids) const {
  const auto to_heads = [&](const at::Tensor& x) { return x.unflatten(-1, {config_.num_heads, config_.d_kv}).transpose(1, 2); };
  const at::Tensor bias = position_bias(input_ids.size(1));
  at::Tensor h = at::embedding(embedding_, input_ids);
  for (const Block& block : blocks_) {
    const at::Tensor x = block.attention_norm.forward(h);
    // T5 does not divide by the root of the head's width: its initialisation has taken that in.
    const at::Tensor scores = at::matmul(to_heads(block.q.forward(x)), to_heads(block.k.forward(x)).transpose(2, 3)) + bias;
    const at::Tensor attention = at::matmul(scores.softmax(-1, at::kFloat).to(scores.scalar_type()), to_heads(block.v.forward(x)));
    h = clamp_half(h + block.o.forward(attention.transpose(1, 2).flatten(2)));

    const at::Tensor y = block.ff_norm.forward(h);
    const at::Tensor gated = at::gelu(block.wi_0.forward(y), "tanh") * block.wi_1.forward(y);
    h = clamp_half(h + block.wo.forward(gated.to(block.wo.weight.scalar_type())));
  }
  return final_norm_.forward(h);
}

}  // namespace dreamrunner
