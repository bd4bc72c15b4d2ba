#pragma once

#include <cstdint>
#include <vector>

#include "nn/linear.h"
#include "nn/norm.h"

namespace dreamrunner {

/// The transformer that CLIP's two towers and ViCLIP's are made of: blocks that normalise first. Its weights come under two
/// sets of names, OpenAI's (ViCLIP has them too) and Hugging Face's.

enum class ClipNames { openai, hugging_face };

enum class ClipActivation {
  quick_gelu,  ///< x * sigmoid(1.702 x)
  gelu,        ///< exact
};

struct ClipTransformerConfig {
  int64_t width = 512;
  int64_t inner_width = 2048;  ///< Of the feed-forward layers.
  int64_t layers = 12;
  int64_t heads = 8;
  double eps = 1e-5;
  ClipActivation activation = ClipActivation::quick_gelu;
};

/// Source: openai/CLIP, clip/model.py, Transformer; transformers, CLIPEncoder.
class ClipTransformer {
 public:
  ClipTransformer() = default;
  /// OpenAI: `resblocks.N...` below `weights`; Hugging Face: `layers.N...`.
  ClipTransformer(const ClipTransformerConfig& config, ClipNames names, const Weights& weights);

  /// x [B, L, width] -> the same shape. `causal`: a token sees itself and those before it.
  at::Tensor forward(at::Tensor x, bool causal) const;

 private:
  struct Block {
    LayerNorm attention_norm;
    Linear qkv;  ///< The three stacked: [3 width, width].
    Linear out;
    LayerNorm ff_norm;
    Linear up, down;
  };

  ClipTransformerConfig config_;
  std::vector<Block> blocks_;
};

struct ClipTextConfig {
  ClipTransformerConfig transformer{};
  int64_t vocab_size = 49408;
  int64_t context_length = 77;  ///< Rows of the position table: the longest text.
  int64_t embed_dim = 512;
  int64_t end_id = 49407;       ///< As the config says it; 2 stands for "the largest id", see ClipTextTower.
};

/// Texts to embeddings. The feature is taken at the end token: where the config's id is 2 (as in the configs of the
/// published models, whose end token is not 2) at the largest id of the text, else at the first token with that id.
/// Source: transformers, CLIPTextTransformer.
class ClipTextTower {
 public:
  ClipTextTower() = default;
  ClipTextTower(const ClipTextConfig& config, ClipNames names, const Weights& weights);

  /// ids [B, L] int64 of any device, L at most context_length, in the vocabulary -> [B, embed_dim], not normalised.
  at::Tensor forward(const at::Tensor& ids) const;

  const ClipTextConfig& config() const { return config_; }

 private:
  ClipTextConfig config_;
  at::Tensor tokens_;     ///< [vocab_size, width]
  at::Tensor positions_;  ///< [context_length, width]
  ClipTransformer transformer_;
  LayerNorm final_norm_;
  Linear projection_;
};

}  // namespace dreamrunner
