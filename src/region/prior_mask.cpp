#include "region/prior_mask.h"

#include <algorithm>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {

at::Tensor make_prior_mask(const Scene& scene, const std::vector<RegionPlace>& places, const RegionConditioning& conditioning, const TokenGrid& grid,
                           Interpolation interpolation, int64_t text_length, bool text_tokens) {
  // The scene with nothing but these regions has the same layout of them, whatever the rule between key frames.
  Scene alone = scene;
  for (KeyFrame& key_frame : alone.key_frames) key_frame.regions.clear();
  for (const RegionPlace& place : places) {
    const bool known = place.key_frame >= 0 && static_cast<size_t>(place.key_frame) < scene.key_frames.size() && place.region >= 0 &&
                       static_cast<size_t>(place.region) < scene.key_frames[static_cast<size_t>(place.key_frame)].regions.size();
    if (!known) throw Error(ErrorKind::bug, fmt::format("no region {} in key frame {}", place.region, place.key_frame));
    const auto frame = static_cast<size_t>(place.key_frame);
    alone.key_frames[frame].regions.push_back(scene.key_frames[frame].regions[static_cast<size_t>(place.region)]);
  }
  const RegionConditioning own = make_region_conditioning(alone, grid, interpolation);
  const int64_t covered = own.regions.size(0) - 1;  // The last is the background.
  const at::Tensor visual = covered > 0 ? own.regions.slice(0, 0, covered).amax(0).flatten() : at::zeros({grid.frames * grid.height * grid.width}, at::kByte);

  const int64_t texts = static_cast<int64_t>(conditioning.captions.size());
  at::Tensor mask = at::zeros({texts * text_length}, at::kByte);
  if (text_tokens) {
    for (int64_t i = 0; i + 1 < texts; ++i) {
      const auto end = own.captions.end() - 1;
      if (std::find(own.captions.begin(), end, conditioning.captions[static_cast<size_t>(i)]) != end) {
        mask.narrow(0, i * text_length, text_length).fill_(1);
      }
    }
  }
  return at::cat({mask, visual});
}

}  // namespace dreamrunner
