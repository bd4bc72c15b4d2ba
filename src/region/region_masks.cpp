#include "region/region_masks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <unordered_map>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

Box clipped(const Box& box) {
  const auto clip = [](double edge) { return std::clamp(edge, 0.0, 1.0); };
  return {clip(box.left), clip(box.top), clip(box.right), clip(box.bottom)};
}

/// The nearest token edge, half to even: 0.5 of 45 columns is 22.5 and becomes 22 for the box that ends there and for the
/// box that begins there, so boxes that share an edge neither overlap nor leave a gap.
int64_t token_edge(double edge, int64_t tokens) { return static_cast<int64_t>(std::nearbyint(edge * static_cast<double>(tokens))); }

void fill(std::vector<uint8_t>& mask, const TokenGrid& grid, int64_t frame, const Box& box) {
  const int64_t left = token_edge(box.left, grid.width);
  const int64_t right = token_edge(box.right, grid.width);
  const int64_t bottom = token_edge(box.bottom, grid.height);
  for (int64_t row = token_edge(box.top, grid.height); row < bottom; ++row) {
    const auto begin = mask.begin() + (frame * grid.height + row) * grid.width;
    std::fill(begin + left, begin + std::max(left, right), uint8_t{1});
  }
}

/// A region as one latent frame shows it.
struct PlacedRegion {
  const PlannedRegion* region;
  Box box;
};

/// What makes two boxes in neighbouring key frames the same thing: who, what, how described, and, where a key frame has
/// several of one kind, which of them in the order of the plan.
using RegionKey = std::tuple<std::string, std::string, std::string, int>;
using KeyedRegions = std::map<RegionKey, const PlannedRegion*>;

KeyedRegions keyed(const KeyFrame& frame) {
  KeyedRegions regions;
  for (const PlannedRegion& region : frame.regions) {
    RegionKey key{region.character, region.motion, region.caption, 0};
    while (!regions.emplace(key, &region).second) ++std::get<3>(key);
  }
  return regions;
}

std::vector<PlacedRegion> repeated(const KeyFrame& frame) {
  std::vector<PlacedRegion> placed;
  for (const PlannedRegion& region : frame.regions) placed.push_back({&region, clipped(region.box)});
  return placed;
}

/// Latent frame k's middle is k + 1/2; key frame i's is (i + 1/2) F / K. Both are compared in units of 1 / (2F) of a key
/// frame, in whole numbers, so that frames that coincide do so exactly.
std::vector<PlacedRegion> interpolated(const std::vector<KeyFrame>& frames, const std::vector<KeyedRegions>& keys, int64_t latent_frame,
                                       int64_t latent_frames, size_t shown) {
  const auto count = static_cast<int64_t>(frames.size());
  const int64_t position = (2 * latent_frame + 1) * count - latent_frames;
  if (position < 0 || position >= 2 * latent_frames * (count - 1)) return repeated(frames[shown]);
  const auto before = static_cast<size_t>(position / (2 * latent_frames));
  const double weight = static_cast<double>(position % (2 * latent_frames)) / static_cast<double>(2 * latent_frames);
  std::vector<PlacedRegion> placed;
  for (const auto& [key, region] : keys[before]) {
    const auto next = keys[before + 1].find(key);
    if (next == keys[before + 1].end()) continue;
    const Box a = clipped(region->box);
    const Box b = clipped(next->second->box);
    const auto between = [weight](double from, double to) { return from + (to - from) * weight; };
    placed.push_back({region, {between(a.left, b.left), between(a.top, b.top), between(a.right, b.right), between(a.bottom, b.bottom)}});
  }
  for (const auto& [key, region] : keys[shown]) {
    const bool shared = keys[before].contains(key) && keys[before + 1].contains(key);
    if (!shared) placed.push_back({region, clipped(region->box)});
  }
  return placed;
}

bool is_nothing(const std::string& name) { return name.empty() || name == "none"; }

void check_grid(const TokenGrid& grid) {
  constexpr int64_t kMost = int64_t{1} << 24;
  const bool sound = grid.frames > 0 && grid.height > 0 && grid.width > 0 && grid.frames <= kMost && grid.height <= kMost &&
                     grid.width <= kMost && grid.frames * grid.height <= kMost && grid.tokens() <= kMost;
  if (!sound) {
    throw Error(ErrorKind::usage, fmt::format("a grid of {} x {} x {} tokens, expected at least 1 and at most {} in all", grid.frames, grid.height, grid.width, kMost));
  }
}

}  // namespace

Interpolation interpolation_from_name(std::string_view name) {
  if (name == "repeat") return Interpolation::repeat;
  if (name == "linear") return Interpolation::linear;
  throw Error(ErrorKind::usage, fmt::format("interpolation \"{}\", expected repeat or linear", name));
}

RegionMasks make_region_masks(const Scene& scene, const TokenGrid& grid, Interpolation interpolation) {
  check_grid(grid);
  const auto tokens = static_cast<size_t>(grid.tokens());
  const std::vector<KeyFrame>& frames = scene.key_frames;

  // Conditions and actors come from the whole plan, also from key frames that too few latent frames leave out, so that
  // their number does not depend on the grid.
  RegionMasks result;
  std::unordered_map<std::string, size_t> condition_of;
  std::map<std::pair<std::string, std::string>, size_t> actor_of;
  for (const KeyFrame& frame : frames) {
    for (const PlannedRegion& region : frame.regions) {
      if (condition_of.emplace(region.caption, result.captions.size()).second) result.captions.push_back(region.caption);
      if (is_nothing(region.character) && is_nothing(region.motion)) continue;
      if (!actor_of.emplace(std::pair(region.character, region.motion), result.actors.size()).second) continue;
      result.actors.push_back({region.character, region.motion, std::vector<uint8_t>(tokens)});
    }
  }
  const size_t background = result.captions.size();
  result.captions.push_back(scene.background);
  result.masks.assign(result.captions.size(), std::vector<uint8_t>(tokens));

  std::vector<KeyedRegions> keys;
  if (interpolation == Interpolation::linear) std::transform(frames.begin(), frames.end(), std::back_inserter(keys), keyed);
  for (int64_t k = 0; k < grid.frames && !frames.empty(); ++k) {
    const auto shown = static_cast<size_t>(k * static_cast<int64_t>(frames.size()) / grid.frames);
    const auto placed = interpolation == Interpolation::linear ? interpolated(frames, keys, k, grid.frames, shown) : repeated(frames[shown]);
    for (const PlacedRegion& one : placed) {
      fill(result.masks[condition_of.at(one.region->caption)], grid, k, one.box);
      const auto actor = actor_of.find({one.region->character, one.region->motion});
      if (actor != actor_of.end()) fill(result.actors[actor->second].mask, grid, k, one.box);
    }
  }
  for (size_t token = 0; token < tokens; ++token) {
    const auto covers = [token](const std::vector<uint8_t>& mask) { return mask[token] != 0; };
    result.masks[background][token] = std::none_of(result.masks.begin(), result.masks.begin() + static_cast<std::ptrdiff_t>(background), covers);
  }
  return result;
}

}  // namespace dreamrunner
