#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "models/clip.h"
#include "models/clip_transformer.h"
#include "tensor/device.h"

namespace dreamrunner {

/// The two ways in which ViCLIP's users prepare frames; they give different scores.
enum class ViClipPreparation {
  a,  ///< InternVid's own demonstration: both sides stretched to the size (OpenCV, bilinear), ImageNet's mean and deviation.
  b,  ///< VBench: shorter side bicubic without antialiasing, middle cut out, CLIP's mean and deviation.
};

/// `config.json` of a folder of ViCLIP, which has no format of its own elsewhere (tools/convert_scorers.py writes it).
/// Defaults: ViCLIP-L/14.
struct ViClipConfig {
  ClipTransformerConfig vision{.width = 1024, .inner_width = 4096, .layers = 24, .heads = 16};
  int64_t image_size = 224;  ///< px
  int64_t patch_size = 14;   ///< px
  int64_t frames = 8;        ///< Of a clip.
  ClipTextConfig text{.transformer = {.width = 768, .inner_width = 3072, .layers = 12, .heads = 12}, .context_length = 32, .embed_dim = 768};
  ViClipPreparation preparation = ViClipPreparation::b;
  ScorerThresholds thresholds;
};

/// Throws Error(input_file) for what is no ViCLIP.
ViClipConfig read_viclip_config(const Json& json, const std::string& origin);

/// Which of `frames` pictures stand for a clip: `count` indices, rising, repeated where there are fewer pictures.
/// `a` takes every (frames / count)-th from the first, `b` the middle of equal stretches.
std::vector<int64_t> viclip_frames(ViClipPreparation preparation, int64_t frames, int64_t count);

/// frames uint8 [F, H, W, 3] on the CPU -> [F, 3, image_size, image_size] fp32, for all frames given.
at::Tensor viclip_pixels(ViClipPreparation preparation, const at::Tensor& frames, int64_t image_size);

/// ViCLIP: a clip and a text to one embedding each. Space and time are attended jointly, without masking of tokens.
/// Folder: `config.json`, `model.safetensors` with InternVideo's names, `vocab.json`, `merges.txt`.
/// Source: OpenGVLab/InternVideo, Data/InternVid/viclip.
class ViClip {
 public:
  /// Throws Error(input_file).
  static ViClip open(const std::filesystem::path& folder, Placement placement);

  /// A text's embedding [1, embed_dim], not normalised. A text that is too long is cut.
  at::Tensor embed_text(std::string_view text) const;
  /// frames uint8 [F, H, W, 3], 1 or more, of which `viclip_frames` are looked at -> [1, embed_dim], not normalised.
  at::Tensor embed_clip(const at::Tensor& frames) const;
  /// pixels [B, 3, frames, image_size, image_size], prepared -> [B, embed_dim].
  at::Tensor embed_pixels(const at::Tensor& pixels) const;

  const ViClipConfig& config() const { return config_; }
  const ClipTokenizer& tokenizer() const { return tokenizer_; }
  const ClipTextTower& text_tower() const { return text_; }

 private:
  ViClip(ViClipConfig config, ClipTokenizer tokenizer, const Weights& weights);

  ViClipConfig config_;
  ClipTokenizer tokenizer_;
  at::Tensor patches_;         ///< [width, 3, patch, patch]
  at::Tensor class_;           ///< [width]
  at::Tensor positions_;       ///< [1 + patches, width]
  at::Tensor time_positions_;  ///< [frames, width]
  LayerNorm first_norm_;
  ClipTransformer transformer_;
  LayerNorm last_norm_;
  Linear projection_;
  ClipTextTower text_;
};

}  // namespace dreamrunner
