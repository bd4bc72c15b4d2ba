#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "region/region_masks.h"

namespace dreamrunner {

/// What a scene is conditioned on: N captions, the background last, and where each of them rules.
struct RegionConditioning {
  std::vector<std::string> captions;
  at::Tensor regions;  ///< [N, F, h, w] uint8 in tokens, 1 inside; on the CPU.
};

/// Lays a scene's boxes out over the tokens of its latents (`make_region_masks` has the rules).
RegionConditioning make_region_conditioning(const Scene& scene, const TokenGrid& grid, Interpolation interpolation);

}  // namespace dreamrunner
