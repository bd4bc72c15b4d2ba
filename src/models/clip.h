#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "models/clip_preprocess.h"
#include "models/clip_transformer.h"
#include "tensor/device.h"
#include "text/clip_tokenizer.h"

namespace dreamrunner {

struct ClipVisionConfig {
  ClipTransformerConfig transformer{.width = 768, .inner_width = 3072, .layers = 12, .heads = 12};
  int64_t image_size = 224;  ///< px
  int64_t patch_size = 32;   ///< px
  int64_t embed_dim = 512;
};

/// From which score on a clip is kept, for weights that have their own limits: `threshold` and `threshold_alone` in a
/// scorer's `config.json`. Not part of the published formats.
struct ScorerThresholds {
  std::optional<double> average;  ///< Of the mean of CLIP's and ViCLIP's score.
  std::optional<double> alone;    ///< Of this model's score alone.
};

/// Reads the two from a config. Throws Error(input_file) for what is no cosine.
ScorerThresholds read_scorer_thresholds(const Json& json, const std::string& origin);

/// `config.json` of a CLIPModel (transformers). Defaults: ViT-B/32.
struct ClipConfig {
  ClipTextConfig text;
  ClipVisionConfig vision;
  ScorerThresholds thresholds;
};

/// Throws Error(input_file) for what is no CLIP.
ClipConfig read_clip_config(const Json& json, const std::string& origin);

/// Pictures to embeddings. Source: openai/CLIP, clip/model.py, VisionTransformer; transformers, CLIPVisionTransformer.
class ClipVisionTower {
 public:
  ClipVisionTower(const ClipVisionConfig& config, ClipNames names, const Weights& weights);

  /// pixels [B, 3, image_size, image_size], normalised -> [B, embed_dim], not normalised.
  at::Tensor forward(const at::Tensor& pixels) const;

 private:
  ClipVisionConfig config_;
  at::Tensor patches_;    ///< [width, 3, patch, patch]
  at::Tensor class_;      ///< [width]
  at::Tensor positions_;  ///< [1 + patches, width]
  LayerNorm first_norm_;
  ClipTransformer transformer_;
  LayerNorm last_norm_;
  Linear projection_;
};

/// CLIP with all that belongs to it: tokenizer, preparation of pictures, both towers. Read from a folder in the layout of
/// Hugging Face (`config.json`, `model.safetensors`, `vocab.json`, `merges.txt`, and usually `preprocessor_config.json`);
/// the tensors have Hugging Face's names or OpenAI's (tools/convert_scorers.py).
class Clip {
 public:
  /// Throws Error(input_file).
  static Clip open(const std::filesystem::path& folder, Placement placement);

  /// A text's embedding [1, embed_dim] in the model's type, not normalised. A text that is too long is cut.
  at::Tensor embed_text(std::string_view text) const;
  /// frames uint8 [F, H, W, 3] -> [F, embed_dim], not normalised.
  at::Tensor embed_frames(const at::Tensor& frames) const;
  /// pixels [B, 3, image_size, image_size], prepared as `preprocess` does -> [B, embed_dim]. Throws Error(usage) for
  /// other shapes.
  at::Tensor embed_pixels(const at::Tensor& pixels) const;

  const ClipConfig& config() const { return config_; }
  const ClipPreprocess& preprocess() const { return preprocess_; }
  const ClipTokenizer& tokenizer() const { return tokenizer_; }
  const ClipTextTower& text_tower() const { return text_; }

 private:
  Clip(ClipConfig config, ClipTokenizer tokenizer, ClipPreprocess preprocess, Placement placement, ClipNames names, const Weights& weights);

  ClipConfig config_;
  ClipTokenizer tokenizer_;
  ClipPreprocess preprocess_;
  Placement placement_;
  ClipTextTower text_;
  ClipVisionTower vision_;
};

/// Ids [1, L] of a text as the towers take them, at most `context_length`.
at::Tensor clip_text_ids(const ClipTokenizer& tokenizer, std::string_view text, int64_t context_length);

/// Opens the tokenizer of a folder and checks that its ids fit the `vocab_size` of the model. Throws Error(input_file).
ClipTokenizer open_clip_tokenizer(const std::filesystem::path& folder, int64_t vocab_size);

}  // namespace dreamrunner
