#include "film/scene_sheet.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace dreamrunner {
namespace {

constexpr int kFewestPictures = 6;   ///< Where the scene has that many frames.
constexpr int kMostPictures = 60;

bool is_named(const std::string& name) { return !name.empty() && name != "none"; }

/// Those who appear, in the order of appearance; the place in the list chooses the colour.
class Cast {
 public:
  int colour_of(const PlannedRegion& region) {
    const std::string& who = is_named(region.character) ? region.character : region.caption;
    const auto found = std::find(members_.begin(), members_.end(), who);
    if (found == members_.end()) {
      members_.push_back(who);
      return static_cast<int>(members_.size()) - 1;
    }
    return static_cast<int>(found - members_.begin());
  }

 private:
  std::vector<std::string> members_;
};

std::string name_of(const PlannedRegion& region) {
  if (!is_named(region.character)) return is_named(region.motion) ? region.motion : "";
  return is_named(region.motion) ? region.character + " · " + region.motion : region.character;
}

}  // namespace

ContactSheet scene_sheet(const Scene& scene, const FramesView& frames, const SheetFacts& facts) {
  const int key_frames = std::max(1, static_cast<int>(scene.key_frames.size()));
  const int pictures_each = (kFewestPictures + key_frames - 1) / key_frames;
  Cast cast;
  ContactSheet sheet;
  sheet.title = fmt::format("Scene {}", facts.number);
  sheet.subtitle = fmt::format("{} frames · {:g} fps · seed {}", frames.frames, facts.fps, facts.seed);
  sheet.background = scene.background;

  for (const KeyFrame& key_frame : scene.key_frames) {
    for (const PlannedRegion& region : key_frame.regions) {
      const SheetLegendEntry entry{cast.colour_of(region), name_of(region), region.caption};
      const bool known = std::any_of(sheet.legend.begin(), sheet.legend.end(), [&](const SheetLegendEntry& other) {
        return other.colour == entry.colour && other.name == entry.name && other.text == entry.text;
      });
      if (!known) sheet.legend.push_back(entry);
    }
  }
  for (const int index : sample_frames(frames.frames, std::min(key_frames * pictures_each, kMostPictures))) {
    SheetCell cell;
    cell.picture = copy_frame(frames, index);
    cell.caption = fmt::format("frame {} · {:.2f} s", index + 1, index / facts.fps);
    if (!scene.key_frames.empty()) {
      const auto key = static_cast<size_t>(int64_t{index} * key_frames / frames.frames);
      for (const PlannedRegion& region : scene.key_frames[key].regions) {
        const Box& box = region.box;
        cell.boxes.push_back({box.left, box.top, box.right, box.bottom, cast.colour_of(region), name_of(region)});
      }
    }
    sheet.cells.push_back(std::move(cell));
  }
  return sheet;
}

}  // namespace dreamrunner
