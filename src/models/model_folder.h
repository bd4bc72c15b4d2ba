#pragma once

#include <filesystem>
#include <optional>

#include "diffusion/noise_schedule.h"
#include "models/cogvideox_transformer.h"
#include "models/cogvideox_vae.h"
#include "models/latent_grid.h"
#include "models/t5_encoder.h"
#include "tensor/device.h"
#include "text/t5_tokenizer.h"

namespace dreamrunner {

/// What the rest of the program calls the parts of a video model. There is one family so far; a second one makes these two
/// interfaces, and nothing that uses them changes.
using VideoTransformer = CogVideoXTransformer;
using VideoAutoencoder = CogVideoXVae;
using TextEncoder = T5Encoder;

enum class ModelPart { text_encoder, transformer, vae };

/// The sizes of a model that its users must know.
struct VideoModelFormat {
  int64_t text_length = 0;      ///< Tokens of a text, padding included.
  int64_t text_width = 0;       ///< Of a text's embedding.
  int64_t latent_channels = 0;
};

/// A model in the Hugging Face layout: `model_index.json` and one folder a part. Configs decide every size; parts are
/// opened one by one, so that only what is needed is in memory.
class ModelFolder {
 public:
  /// Checks that `folder` is there and, where it has a `model_index.json`, that it is a CogVideoX pipeline. Parts are
  /// checked when they are opened. Throws Error(input_file).
  explicit ModelFolder(std::filesystem::path folder);

  /// Reads the configs of all parts and checks that they fit together. Throws Error(input_file).
  VideoModelFormat format() const;

  /// Lays out a film of the asked size (`make_latent_grid`). Throws Error(usage) for what cannot come out as asked.
  LatentGrid latent_grid(std::optional<int64_t> num_frames, std::optional<int64_t> height_px, std::optional<int64_t> width_px) const;

  CogVideoXTransformerConfig transformer_config() const;
  CogVideoXVaeConfig vae_config() const;
  T5EncoderConfig text_encoder_config() const;
  NoiseScheduleConfig scheduler_config() const;

  /// The type that most weights of a part are stored in.
  at::ScalarType stored_dtype(ModelPart part = ModelPart::transformer) const;

  T5Tokenizer open_tokenizer() const;
  TextEncoder open_text_encoder(Placement placement) const;
  VideoTransformer open_transformer(Placement placement) const;
  VideoAutoencoder open_vae(Placement placement, VideoAutoencoder::Parts parts = VideoAutoencoder::Parts::both) const;

  const std::filesystem::path& path() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

}  // namespace dreamrunner
