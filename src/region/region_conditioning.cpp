#include "region/region_conditioning.h"

#include <cstring>

#include <ATen/ATen.h>

namespace dreamrunner {

RegionConditioning make_region_conditioning(const Scene& scene, const TokenGrid& grid, Interpolation interpolation) {
  const RegionMasks laid_out = make_region_masks(scene, grid, interpolation);
  const auto texts = static_cast<int64_t>(laid_out.captions.size());
  at::Tensor regions = at::empty({texts, grid.frames, grid.height, grid.width}, at::kByte);
  for (int64_t i = 0; i < texts; ++i) {
    const auto& mask = laid_out.masks[static_cast<size_t>(i)];
    std::memcpy(regions[i].data_ptr<uint8_t>(), mask.data(), mask.size());
  }
  return {laid_out.captions, regions};
}

}  // namespace dreamrunner
