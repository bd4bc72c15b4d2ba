#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "nn/linear.h"
#include "nn/norm.h"

namespace dreamrunner {

/// `text_encoder/config.json`. Defaults: T5 v1.1 XXL, as CogVideoX ships it (transformers, T5Config).
struct T5EncoderConfig {
  int64_t vocab_size = 32128;
  int64_t d_model = 4096;
  int64_t d_kv = 64;
  int64_t d_ff = 10240;
  int64_t num_layers = 24;
  int64_t num_heads = 64;
  int64_t relative_attention_num_buckets = 32;
  int64_t relative_attention_max_distance = 128;
  double layer_norm_epsilon = 1e-6;
};

/// Throws Error(input_file) for what is no T5 encoder with gated GELU.
T5EncoderConfig read_t5_encoder_config(const Json& json, const std::string& origin);

/// The encoder half of T5 v1.1. Padding is attended, as CogVideoX was trained with. Source: transformers, T5EncoderModel.
class T5Encoder {
 public:
  T5Encoder(const T5EncoderConfig& config, const Weights& weights);

  /// input_ids [B, L] int64 on the model's device -> last_hidden_state [B, L, d_model].
  at::Tensor forward(const at::Tensor& input_ids) const;

  const T5EncoderConfig& config() const { return config_; }
  at::Device device() const { return embedding_.device(); }

 private:
  struct Block {
    RmsNorm attention_norm;
    Linear q, k, v, o;
    RmsNorm ff_norm;
    Linear wi_0, wi_1, wo;
  };

  at::Tensor position_bias(int64_t length) const;

  T5EncoderConfig config_;
  at::Tensor embedding_;      ///< [vocab_size, d_model]
  at::Tensor relative_bias_;  ///< [buckets, heads]
  std::vector<Block> blocks_;
  RmsNorm final_norm_;
};

}  // namespace dreamrunner
