#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "models/cogvideox_transformer.h"
#include "models/cogvideox_vae.h"

namespace dreamrunner {

/// From pixels to latents to tokens, for one model and one size of film.
struct LatentGrid {
  int64_t num_frames = 0;  ///< pictures
  int64_t height_px = 0;
  int64_t width_px = 0;
  int64_t latent_frames = 0;
  int64_t latent_height = 0;
  int64_t latent_width = 0;
  int64_t token_height = 0;
  int64_t token_width = 0;

  int64_t visual_tokens() const { return latent_frames * token_height * token_width; }
};

/// Frames that `latent_frames` latents decode to at a temporal ratio: an odd number has a first frame that stands alone.
int64_t decoded_frames(int64_t latent_frames, int64_t temporal_ratio);

/// Lays out a film of the asked size; what is not asked is the model's own: its sample height and width, and the even
/// number of latent frames nearest below its sample frames (48 frames for CogVideoX-2B: the paper's layout, no lone first
/// frame). Throws Error(usage), naming the nearest sizes that can, for frame counts and sizes that cannot come out as asked.
LatentGrid make_latent_grid(const CogVideoXTransformerConfig& transformer, const CogVideoXVaeConfig& vae, std::optional<int64_t> num_frames,
                            std::optional<int64_t> height_px, std::optional<int64_t> width_px);

}  // namespace dreamrunner
