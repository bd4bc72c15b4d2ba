#include <algorithm>
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "plan/english_words.h"
#include "plan/lint_rules.h"
#include "story/priors.h"

namespace dreamrunner::lint {
namespace {

constexpr double kRounding = 1e-9;  ///< 0.47 - 0.27 is not below 0.2.
constexpr double kSmallSide = 0.3;  ///< Of somebody who moves; below it both ways there is nobody to look at.
constexpr double kSameBox = 0.8;    ///< Shared part of two boxes from which on they are taken for one.

Box clipped(const Box& box) {
  const auto clip = [](double edge) { return std::clamp(edge, 0.0, 1.0); };
  return {clip(box.left), clip(box.top), clip(box.right), clip(box.bottom)};
}

double width_of(const Box& box) { return box.right - box.left; }
double height_of(const Box& box) { return box.bottom - box.top; }
double area_of(const Box& box) { return width_of(box) * height_of(box); }
bool is_in_frame(const Box& box) { return area_of(clipped(box)) > 0; }

/// What two boxes have in common as a part of what both cover together.
double shared_part(const Box& first, const Box& second) {
  const Box a = clipped(first), b = clipped(second);
  const Box both{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right), std::min(a.bottom, b.bottom)};
  if (width_of(both) <= 0 || height_of(both) <= 0) return 0;
  return area_of(both) / (area_of(a) + area_of(b) - area_of(both));
}

std::string shown(const Box& box) { return fmt::format("[{:g}, {:g}, {:g}, {:g}]", box.left, box.top, box.right, box.bottom); }

std::string subject(const PlannedRegion& region) {
  return is_nothing(region.character) ? fmt::format("\"{}\"", cut(region.caption)) : region.character;
}

std::string key_of(const PlannedRegion& region) { return fmt::format("{}\n{}\n{}", region.character, region.caption, shown(region.box)); }

/// The token edge nearest to `edge`, half to even: the rule by which region masks are made (docs/plans.md, "From boxes to
/// tokens").
int64_t token_edge(double edge, int64_t tokens) { return static_cast<int64_t>(std::nearbyint(edge * static_cast<double>(tokens))); }

bool covers_a_token(const Box& box, const LintGrid& grid) {
  const Box inside = clipped(box);
  return token_edge(inside.left, grid.width) < token_edge(inside.right, grid.width) &&
         token_edge(inside.top, grid.height) < token_edge(inside.bottom, grid.height);
}

void check_box(Run& run, const Place& place, const PlannedRegion& region) {
  const Box& box = region.box;
  const double least = run.options.min_side;
  const auto add = [&](const char* rule, std::string message, std::string hint = {}) {
    run.add(rule, place, key_of(region), subject(region) + ": " + std::move(message), std::move(hint));
  };
  if (!is_in_frame(box)) {
    add("box-not-in-frame", fmt::format("nothing of {} is in the frame, so it is not to be seen in this key frame", shown(box)),
        "leave the region out to say the same");
    return;
  }
  if (box.left < -kRounding || box.top < -kRounding || box.right > 1 + kRounding || box.bottom > 1 + kRounding) {
    add("box-over-edge", fmt::format("{} reaches over the edge, where it is cut off", shown(box)));
  }
  const double width = width_of(clipped(box)), height = height_of(clipped(box));
  if (width < least - kRounding || height < least - kRounding) {
    add("box-too-small", fmt::format("{:g} wide and {:g} high, sides of at least {:g} expected", width, height, least));
  } else if (!is_nothing(region.motion) && width < kSmallSide + kRounding && height < kSmallSide + kRounding) {
    add("box-small", fmt::format("{:g} wide and {:g} high is little for somebody who is {}", width, height, region.motion),
        "make the box as large as the scene allows");
  }
  if (run.options.grid && !covers_a_token(box, *run.options.grid)) {
    add("box-vanishes", fmt::format("{} covers none of the model's {} x {} tokens, so its text is seen by none", shown(box),
                                    run.options.grid->width, run.options.grid->height));
  }
}

void check_coincidence(Run& run, const Place& frame_place, const KeyFrame& frame) {
  for (size_t i = 0; i < frame.regions.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const PlannedRegion& first = frame.regions[j];
      const PlannedRegion& second = frame.regions[i];
      if (first.caption == second.caption || shared_part(first.box, second.box) <= kSameBox) continue;
      const Place place{frame_place.scene, frame_place.frame, static_cast<int>(i), "box"};
      run.add("boxes-coincide", place, key_of(first) + key_of(second),
              fmt::format("{} and {} share {:.0f} % of their boxes, so both texts govern the same part", subject(first), subject(second),
                          100 * shared_part(first.box, second.box)));
    }
  }
}

/// True for a motion after which somebody is elsewhere: its verb says so, or its words name a way.
bool travels(const std::string& motion) {
  if (is_locomotion(motion)) return true;
  for (const Word& word : words_of(motion)) {
    for (const std::string_view way :
         {"left",      "right",   "leftward", "leftwards", "rightward", "rightwards", "across",   "through", "along",
          "toward",    "towards", "away",     "past",      "up",        "upward",     "upwards",  "down",    "downward",
          "downwards", "into",    "onto",     "forward",   "forwards",  "backward",   "backwards"}) {
      if (word.low == way) return true;
    }
  }
  return false;
}

/// The same thing in the key frame before: the region of the same character, or for nobody of the same caption, that
/// comes as often before it there.
const PlannedRegion* before(const KeyFrame& earlier, const KeyFrame& frame, size_t index) {
  const PlannedRegion& region = frame.regions[index];
  const auto same = [&](const PlannedRegion& other) {
    return is_nothing(region.character) ? other.caption == region.caption : other.character == region.character;
  };
  auto skip = std::count_if(frame.regions.begin(), frame.regions.begin() + static_cast<std::ptrdiff_t>(index), same);
  for (const PlannedRegion& other : earlier.regions) {
    if (same(other) && skip-- == 0) return &other;
  }
  return nullptr;
}

}  // namespace

void check_boxes(Run& run, int scene) {
  const std::vector<KeyFrame>& frames = run.plan.scenes[static_cast<size_t>(scene)].key_frames;
  for (int f = 0; f < static_cast<int>(frames.size()); ++f) {
    const KeyFrame& frame = frames[static_cast<size_t>(f)];
    for (int r = 0; r < static_cast<int>(frame.regions.size()); ++r)
      check_box(run, {scene, f, r, "box"}, frame.regions[static_cast<size_t>(r)]);
    check_coincidence(run, {scene, f, -1, ""}, frame);
  }
  if (run.options.grid && static_cast<int64_t>(frames.size()) > run.options.grid->frames) {
    run.add("key-frame-not-shown", {scene, -1, -1, "key_frames"}, "",
            fmt::format("{} key frames for {} latent frames: {} of them are never shown", frames.size(), run.options.grid->frames,
                        static_cast<int64_t>(frames.size()) - run.options.grid->frames));
  }
}

void check_movement(Run& run, int scene) {
  const std::vector<KeyFrame>& frames = run.plan.scenes[static_cast<size_t>(scene)].key_frames;
  for (size_t f = 1; f < frames.size(); ++f) {
    for (size_t r = 0; r < frames[f].regions.size(); ++r) {
      const PlannedRegion& region = frames[f].regions[r];
      const PlannedRegion* earlier = before(frames[f - 1], frames[f], r);
      if (!earlier || !is_in_frame(region.box) || !is_in_frame(earlier->box)) continue;
      const Box a = clipped(earlier->box), b = clipped(region.box);
      const double shift = std::hypot(b.left + b.right - a.left - a.right, b.top + b.bottom - a.top - a.bottom) / 2;
      const bool moves = travels(region.motion) || travels(earlier->motion);
      const Place place{scene, static_cast<int>(f), static_cast<int>(r), "box"};
      const std::string key = fmt::format("{}\n{}", region.character, region.motion);
      if (shift > run.options.max_travel + kRounding) {
        run.add("shift-too-large", place, key,
                fmt::format("{}: the box's middle moves by {:.2f} since the key frame before, at most {:g} expected", subject(region),
                            shift, run.options.max_travel));
      } else if (!moves && shift > run.options.max_shift + kRounding) {
        run.add("shift-without-travel", place, key,
                fmt::format("{}: the box's middle moves by {:.2f} since the key frame before, at most {:g} expected where {}",
                            subject(region), shift, run.options.max_shift,
                            is_nothing(region.motion) ? std::string("nothing moves") : fmt::format("\"{}\" leads nowhere", region.motion)));
      }
    }
  }
}

}  // namespace dreamrunner::lint
