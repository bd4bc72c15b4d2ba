#include "models/latent_grid.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

constexpr int64_t kMostFrames = 4096;
constexpr int64_t kMostPixels = 8192;

/// Latents of `frames` pictures (diffusers, CogVideoXPipeline.prepare_latents).
int64_t latents_of(int64_t frames, int64_t ratio) { return (frames - 1) / ratio + 1; }

void check_frames(int64_t frames, int64_t ratio) {
  const bool in_range = frames >= 1 && frames <= kMostFrames;
  if (in_range && decoded_frames(latents_of(frames, ratio), ratio) == frames) return;
  int64_t below = std::clamp<int64_t>(frames, 1, kMostFrames);
  int64_t above = below;
  while (decoded_frames(latents_of(below, ratio), ratio) != below) --below;  // 1 comes out as 1
  while (decoded_frames(latents_of(above, ratio), ratio) != above) ++above;
  throw Error(ErrorKind::usage, fmt::format("--num-frames: {} frames cannot come out of this model", frames),
              below == above ? fmt::format("nearest: {}", below) : fmt::format("nearest: {} or {}", below, above));
}

int64_t checked_side(const char* name, int64_t pixels, int64_t multiple) {
  if (pixels >= multiple && pixels <= kMostPixels && pixels % multiple == 0) return pixels;
  const int64_t nearest = std::clamp((pixels + multiple / 2) / multiple * multiple, multiple, kMostPixels / multiple * multiple);
  throw Error(ErrorKind::usage, fmt::format("{}: {} px is no multiple of {} from {} to {}", name, pixels, multiple, multiple, kMostPixels),
              fmt::format("nearest: {}", nearest));
}

}  // namespace

int64_t decoded_frames(int64_t latent_frames, int64_t temporal_ratio) {
  return latent_frames % 2 == 0 ? latent_frames * temporal_ratio : (latent_frames - 1) * temporal_ratio + 1;
}

LatentGrid make_latent_grid(const CogVideoXTransformerConfig& transformer, const CogVideoXVaeConfig& vae, std::optional<int64_t> num_frames,
                            std::optional<int64_t> height_px, std::optional<int64_t> width_px) {
  const int64_t ratio = vae.temporal_compression_ratio;
  const int64_t cell = vae.spatial_ratio();
  const int64_t multiple = cell * transformer.patch_size;
  LatentGrid grid;
  const int64_t own_latents = latents_of(transformer.sample_frames, ratio);
  grid.num_frames = num_frames.value_or(decoded_frames(own_latents > 1 ? own_latents / 2 * 2 : 1, ratio));
  check_frames(grid.num_frames, ratio);
  grid.height_px = checked_side("--height", height_px.value_or(transformer.sample_height * cell), multiple);
  grid.width_px = checked_side("--width", width_px.value_or(transformer.sample_width * cell), multiple);
  grid.latent_frames = latents_of(grid.num_frames, ratio);
  grid.latent_height = grid.height_px / cell;
  grid.latent_width = grid.width_px / cell;
  grid.token_height = grid.latent_height / transformer.patch_size;
  grid.token_width = grid.latent_width / transformer.patch_size;
  return grid;
}

}  // namespace dreamrunner
