#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "story/plan_types.h"

namespace dreamrunner {

/// How many visual tokens a scene has: latent frames, rows, columns.
struct TokenGrid {
  int64_t frames = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t tokens() const { return frames * height * width; }
  bool operator==(const TokenGrid&) const = default;
};

/// How K key frames fill F latent frames. `repeat`: latent frame k shows key frame floor(k K / F). `linear`: a region that
/// two neighbouring key frames share moves from one box to the other between their middles; docs/plans.md has the rules.
enum class Interpolation { repeat, linear };

/// From "repeat" or "linear". Throws Error(usage) for anything else.
Interpolation interpolation_from_name(std::string_view name);

/// Where one character does one motion: the tokens that their priors act on. Different characters may share a caption, so
/// these are not the masks of the captions.
struct ActorMask {
  std::string character;
  std::string motion;
  std::vector<uint8_t> mask;  ///< [F*H*W], 1 where the token belongs to it.
};

/// Which visual tokens attend to which text.
struct RegionMasks {
  std::vector<std::string> captions;        ///< [N]: distinct captions in order of first appearance, the background last.
  std::vector<std::vector<uint8_t>> masks;  ///< [N][F*H*W], frame by frame, row by row; 1 where the token is covered.
  std::vector<ActorMask> actors;            ///< In order of first appearance; regions of nobody doing nothing have none.
};

/// Lays the boxes of a scene on a grid of tokens. The same caption in several boxes is one condition with the union of
/// their tokens; the background has the tokens that no box covers, in particular all of a scene without key frames. A box
/// is clipped to the frame, then covers columns [round(left W), round(right W)) and rows likewise, half to even; a region
/// may come out empty. Throws Error(usage) for a grid without tokens or beyond 2^24 of them.
/// Source: the paper, sections 3.3 and A.3; rounding and order as in its authors' released inference script.
RegionMasks make_region_masks(const Scene& scene, const TokenGrid& grid, Interpolation interpolation = Interpolation::repeat);

}  // namespace dreamrunner
