#include "plan/preview_cast.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "base/error.h"
#include "story/priors.h"

namespace dreamrunner::preview {
namespace {

constexpr const char* kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

Box clipped(const Box& box) {
  const auto clip = [](double edge) { return std::clamp(edge, 0.0, 1.0); };
  return {clip(box.left), clip(box.top), clip(box.right), clip(box.bottom)};
}

bool is_empty(const Box& box) { return box.right <= box.left || box.bottom <= box.top; }
double area_of(const Box& box) { return (box.right - box.left) * (box.bottom - box.top); }

/// Drops what is not to be seen and sorts the rest for drawing.
std::vector<SeenRegion> in_drawing_order(std::vector<SeenRegion> seen) {
  std::erase_if(seen, [](const SeenRegion& one) { return is_empty(one.box); });
  std::stable_sort(seen.begin(), seen.end(), [](const SeenRegion& a, const SeenRegion& b) { return area_of(a.box) > area_of(b.box); });
  return seen;
}

/// Character, motion, caption, and which of several alike.
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

std::string spans_of(const std::vector<size_t>& frames) {
  std::string text;
  for (size_t i = 0; i < frames.size();) {
    size_t end = i;
    while (end + 1 < frames.size() && frames[end + 1] == frames[end] + 1) ++end;
    text += (text.empty() ? "" : ", ") + (end == i ? std::to_string(frames[i] + 1) : fmt::format("{}-{}", frames[i] + 1, frames[end] + 1));
    i = end + 1;
  }
  return text;
}

}  // namespace

std::string Cast::key_of(const PlannedRegion& region) {
  return is_nothing(region.character) ? "caption " + region.caption : "name " + region.character;
}

void Cast::add(const std::string& key, const std::string& name) {
  if (!index_of_key_.emplace(key, size()).second) return;
  names_.push_back(name);
  const auto is_free = [&](char c) { return std::find(letters_.begin(), letters_.end(), c) == letters_.end(); };
  std::string wishes;
  for (const char c : name) {
    if (c >= 'a' && c <= 'z')
      wishes += static_cast<char>(c - 'a' + 'A');
    else if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
      wishes += c;
    if (!wishes.empty()) break;
  }
  wishes += kLetters;
  const auto letter = std::find_if(wishes.begin(), wishes.end(), is_free);
  letters_.push_back(letter == wishes.end() ? '#' : *letter);
}

Cast::Cast(const Plan& plan) {
  for (const Character& character : plan.characters) add("name " + character.id, character.id);
  for (const bool named : {true, false}) {
    for (const Scene& scene : plan.scenes) {
      for (const KeyFrame& frame : scene.key_frames) {
        for (const PlannedRegion& region : frame.regions) {
          const bool has_name = !is_nothing(region.character);
          if (has_name == named) add(key_of(region), has_name ? region.character : region.caption);
        }
      }
    }
  }
}

int Cast::index_of(const PlannedRegion& region) const { return index_of_key_.at(key_of(region)); }

std::vector<SeenRegion> seen_in(const KeyFrame& frame) {
  std::vector<SeenRegion> seen;
  for (const PlannedRegion& region : frame.regions) seen.push_back({&region, clipped(region.box)});
  return in_drawing_order(std::move(seen));
}

size_t key_frame_at(const Scene& scene, int64_t index, int64_t count) {
  return static_cast<size_t>(index * static_cast<int64_t>(scene.key_frames.size()) / count);
}

std::vector<SeenRegion> seen_at(const Scene& scene, int64_t index, int64_t count, bool linear) {
  const size_t shown = key_frame_at(scene, index, count);
  const auto keys = static_cast<int64_t>(scene.key_frames.size());
  // In units of 1 / (2 count) of a key frame, from the first middle on; whole numbers, so that middles are met exactly.
  const int64_t position = (2 * index + 1) * keys - count;
  if (!linear || position < 0 || position >= 2 * count * (keys - 1)) return seen_in(scene.key_frames[shown]);
  const auto before = static_cast<size_t>(position / (2 * count));
  const double weight = static_cast<double>(position % (2 * count)) / static_cast<double>(2 * count);
  const KeyedRegions from = keyed(scene.key_frames[before]);
  const KeyedRegions to = keyed(scene.key_frames[before + 1]);
  std::vector<SeenRegion> seen;
  for (const auto& [key, region] : from) {
    const auto next = to.find(key);
    if (next == to.end()) continue;
    const Box a = clipped(region->box), b = clipped(next->second->box);
    seen.push_back({region,
                    {std::lerp(a.left, b.left, weight), std::lerp(a.top, b.top, weight), std::lerp(a.right, b.right, weight),
                     std::lerp(a.bottom, b.bottom, weight)}});
  }
  for (const auto& [key, region] : shown == before ? from : to) {
    if (!from.contains(key) || !to.contains(key)) seen.push_back({region, clipped(region->box)});
  }
  return in_drawing_order(std::move(seen));
}

std::string brief(const std::string& text, size_t most) {
  size_t characters = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
    if (begins && characters++ == most) return text.substr(0, at) + "\u2026";
  }
  return text;
}

std::string label_of(const Cast& cast, const PlannedRegion& region) {
  constexpr size_t kMost = 40;
  const std::string motion = is_nothing(region.motion) ? std::string() : brief(region.motion, kMost);
  if (is_nothing(region.character)) return motion;
  const std::string name = brief(cast.name(cast.index_of(region)), kMost);
  return motion.empty() ? name : fmt::format("{} \u00b7 {}", name, motion);
}

std::vector<CaptionSpan> captions_of(const Cast& cast, const Scene& scene) {
  std::map<std::tuple<int, std::string, std::string>, size_t> entry_of;
  std::vector<CaptionSpan> spans;
  std::vector<std::vector<size_t>> frames;
  for (size_t f = 0; f < scene.key_frames.size(); ++f) {
    for (const PlannedRegion& region : scene.key_frames[f].regions) {
      const size_t entry = entry_of.emplace(std::tuple(cast.index_of(region), region.motion, region.caption), spans.size()).first->second;
      if (entry == spans.size()) {
        spans.push_back({&region, {}});
        frames.emplace_back();
      }
      if (frames[entry].empty() || frames[entry].back() != f) frames[entry].push_back(f);
    }
  }
  for (size_t i = 0; i < spans.size(); ++i) spans[i].frames = (frames[i].size() == 1 ? "frame " : "frames ") + spans_of(frames[i]);
  std::stable_sort(spans.begin(), spans.end(),
                   [&](const CaptionSpan& a, const CaptionSpan& b) { return cast.index_of(*a.region) < cast.index_of(*b.region); });
  return spans;
}

std::string title_of(const Scene& scene, size_t index) {
  return fmt::format("Scene {}{}", index + 1, scene.place.empty() ? "" : " \u00b7 " + brief(scene.place, 160));
}

SceneRange shown_scenes(const Plan& plan, const PreviewOptions& options) {
  const auto is_side = [](int side) { return side >= 1 && side <= 16384; };
  if (!is_side(options.width) || !is_side(options.height)) {
    throw Error(ErrorKind::usage, fmt::format("preview: a film of {} x {}, sides from 1 to 16384 expected", options.width, options.height));
  }
  if (options.most_scenes < 1) throw Error(ErrorKind::usage, "preview: no scene asked for, at least one expected");
  if (options.first_scene >= plan.scenes.size()) {
    throw Error(ErrorKind::usage,
                fmt::format("preview: scene {} was asked for, the plan has {}", options.first_scene + 1, plan.scenes.size()));
  }
  const size_t last = options.first_scene + std::min(options.most_scenes, plan.scenes.size() - options.first_scene);
  return {options.first_scene, last, plan.scenes.size() - last};
}

}  // namespace dreamrunner::preview
