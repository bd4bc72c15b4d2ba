#include "models/clip_transformer.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

/// The end token's id in configs written before transformers mended it; it stands for the largest id.
constexpr int64_t kLargestId = 2;

at::Tensor activate(ClipActivation activation, const at::Tensor& x) {
  if (activation == ClipActivation::gelu) return at::gelu(x);
  return x.mul(1.702).sigmoid_().mul_(x);
}

Linear take_qkv(ClipNames names, const Weights& attention, int64_t width) {
  if (names == ClipNames::openai) {
    Linear qkv;
    qkv.weight = attention.take("in_proj_weight", {3 * width, width});
    qkv.bias = attention.take("in_proj_bias", {3 * width});
    return qkv;
  }
  // One product of three times the width keeps the cores busier than three products.
  const Linear q = take_linear(attention / "q_proj", width, width), k = take_linear(attention / "k_proj", width, width),
               v = take_linear(attention / "v_proj", width, width);
  Linear qkv;
  qkv.weight = at::cat({q.weight, k.weight, v.weight});
  qkv.bias = at::cat({q.bias, k.bias, v.bias});
  return qkv;
}

}  // namespace

ClipTransformer::ClipTransformer(const ClipTransformerConfig& config, ClipNames names, const Weights& weights) : config_(config) {
  const bool openai = names == ClipNames::openai;
  const int64_t width = config.width;
  for (int64_t i = 0; i < config.layers; ++i) {
    const Weights block = weights / (openai ? "resblocks" : "layers") / std::to_string(i);
    const Weights attention = block / (openai ? "attn" : "self_attn");
    blocks_.push_back({.attention_norm = take_layer_norm(block / (openai ? "ln_1" : "layer_norm1"), width, config.eps),
                       .qkv = take_qkv(names, attention, width),
                       .out = take_linear(attention / "out_proj", width, width),
                       .ff_norm = take_layer_norm(block / (openai ? "ln_2" : "layer_norm2"), width, config.eps),
                       .up = take_linear(block / "mlp" / (openai ? "c_fc" : "fc1"), width, config.inner_width),
                       .down = take_linear(block / "mlp" / (openai ? "c_proj" : "fc2"), config.inner_width, width)});
  }
}

at::Tensor ClipTransformer::forward(at::Tensor x, bool causal) const {
  const int64_t head_width = config_.width / config_.heads;
  for (const Block& block : blocks_) {
    const at::Tensor qkv_BLCHd = block.qkv.forward(block.attention_norm.forward(x)).unflatten(-1, {3, config_.heads, head_width});
    const auto part = [&](int64_t which) { return qkv_BLCHd.select(2, which).transpose(1, 2); };
    const at::Tensor attended = at::scaled_dot_product_attention(part(0), part(1), part(2), /*attn_mask=*/{}, /*dropout_p=*/0.0, causal);
    x = x + block.out.forward(attended.transpose(1, 2).flatten(2));
    x = x + block.down.forward(activate(config_.activation, block.up.forward(block.ff_norm.forward(x))));
  }
  return x;
}

ClipTextTower::ClipTextTower(const ClipTextConfig& config, ClipNames names, const Weights& weights) : config_(config) {
  const int64_t width = config.transformer.width;
  if (names == ClipNames::openai) {
    tokens_ = weights.take("token_embedding.weight", {config.vocab_size, width});
    positions_ = weights.take("positional_embedding", {config.context_length, width});
    transformer_ = ClipTransformer(config.transformer, names, weights / "transformer");
    final_norm_ = take_layer_norm(weights / "ln_final", width, config.transformer.eps);
    projection_.weight = weights.take("text_projection", {width, config.embed_dim}).t().contiguous();
    return;
  }
  const Weights model = weights / "text_model";
  tokens_ = model.take("embeddings.token_embedding.weight", {config.vocab_size, width});
  positions_ = model.take("embeddings.position_embedding.weight", {config.context_length, width});
  model.ignore("embeddings.position_ids");  // 0, 1, 2, ...: older files carry them
  transformer_ = ClipTransformer(config.transformer, names, model / "encoder");
  final_norm_ = take_layer_norm(model / "final_layer_norm", width, config.transformer.eps);
  projection_ = take_linear(weights / "text_projection", width, config.embed_dim, /*has_bias=*/false);
}

at::Tensor ClipTextTower::forward(const at::Tensor& ids) const {
  if (ids.dim() != 2 || ids.numel() == 0 || ids.size(1) > config_.context_length) {
    throw Error(ErrorKind::usage, fmt::format("ids of texts: found {}, [B, 1 to {}] expected", shape_text(ids.sizes()), config_.context_length));
  }
  const at::Tensor input = ids.to(tokens_.device());
  if (input.lt(0).any().item<bool>() || input.ge(config_.vocab_size).any().item<bool>()) {
    throw Error(ErrorKind::usage, fmt::format("ids of texts: 0 to {} expected", config_.vocab_size - 1),
                "the tokenizer is of another model than the weights");
  }
  const at::Tensor x = at::embedding(tokens_, input) + positions_.slice(0, 0, input.size(1));
  const at::Tensor states_BLD = final_norm_.forward(transformer_.forward(x, /*causal=*/true));
  const at::Tensor end = config_.end_id == kLargestId ? input.argmax(1) : input.eq(config_.end_id).to(at::kInt).argmax(1);
  return projection_.forward(states_BLD.index({at::arange(input.size(0), end.options()), end}));
}

}  // namespace dreamrunner
