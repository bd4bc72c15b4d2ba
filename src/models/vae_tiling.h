#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace dreamrunner {

/// A stretch of rows or columns of latents, [begin, end).
struct Stretch {
  int64_t begin = 0;
  int64_t end = 0;
  bool operator==(const Stretch&) const = default;
};

/// Along one side of a picture: how long tiles are and how much of a tile lies under the one before it.
struct TileSide {
  int64_t picture_px = 0;       ///< Of the size the autoencoder was made for (`sample_height`); a tile is half of it.
  int64_t ratio = 8;            ///< Pixels a latent.
  int64_t overlap_divisor = 1;  ///< The overlap is a tile's length divided by this.

  /// Latents in a tile: at least 2, so that there is room for an overlap.
  int64_t tile() const;
};

/// Covers `length` latents with tiles, each beginning inside the one before it. One stretch when they fit into a tile.
///
/// Where a tile's length is divided by the overlap, tiles stand as in the reference: at multiples of length minus overlap, the
/// last as short as it comes. Elsewhere the reference rounds the step down in latents and the overlap down in pixels, and its
/// picture has columns too many; then all tiles have full length and stand as evenly as whole latents allow.
/// Source: diffusers, AutoencoderKLCogVideoX.tiled_decode.
std::vector<Stretch> cover_side(int64_t length, const TileSide& side);

/// Both sides of a picture, covered.
struct TileCover {
  std::vector<Stretch> rows, columns;
  int64_t tiles() const { return static_cast<int64_t>(rows.size() * columns.size()); }
};

/// Passes `input` [B, C, F, H, W] through `pass` tile by tile and joins what comes out. A latent is a square of `in` x `in`
/// of the input's elements and `out` x `out` of the result's. Where tiles overlap, the later one fades in linearly, rows
/// before columns, over neighbours that are joined already: the reference's order, and its numbers.
at::Tensor pass_in_tiles(const at::Tensor& input, const TileCover& cover, int64_t in, int64_t out,
                         const std::function<at::Tensor(const at::Tensor&)>& pass);

}  // namespace dreamrunner
