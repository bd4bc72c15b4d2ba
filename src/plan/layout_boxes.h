#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "plan/narration.h"
#include "story/plan_types.h"

namespace dreamrunner {

/// One member of the cast in one key frame.
struct Placement {
  std::optional<size_t> motion;  ///< Index into the scene's motions; nothing: it is only there.
  int travel = 0;                ///< Goes left (-1), right (1) or stays (0) during this motion.
  Box box;
};

/// A member's way through a scene: one placement a key frame.
using Track = std::vector<Placement>;

/// When each member does what: for each of the cast and each of `key_frames` the act's index in `narration.acts`, or
/// nothing before its first one. Acts of one phase share a stretch, each at least two key frames long; where there are more
/// phases than that allows, each member's acts share the scene evenly on their own. Throws Error(plan_refused), with
/// `where` in front, if even that leaves less than two key frames to a motion.
std::vector<std::vector<std::optional<size_t>>> schedule(const Narration& narration, const StoryScene& scene, int key_frames, const std::string& where);

/// Lanes from left to right: everybody's place in the order, as indices into the cast.
std::vector<size_t> lane_order(const Narration& narration);

/// A track for each of the cast. Every box lies inside the frame on hundredths, with sides of at least 0.21. Somebody
/// stands still except while a motion of locomotion lasts; then the box moves in even steps of at most 0.11.
/// `goes_right`: where those go who are not told. At most 12 members; throws Error(plan_refused) with `where` in front.
std::vector<Track> lay_out(const Narration& narration, const StoryScene& scene, int key_frames, bool goes_right, const std::string& where);

/// In which order regions are listed: those behind somebody before those in front.
std::vector<size_t> drawing_order(const Narration& narration);

}  // namespace dreamrunner
