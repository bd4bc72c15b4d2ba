#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "story/plan_types.h"

/// What every plan must keep, whichever spelling it was written in. docs/plans.md tells a reader the same.
namespace dreamrunner {

/// More than any film needs; they bound what a hostile plan can cost.
inline constexpr size_t kMaxScenes = 1000;
inline constexpr size_t kMaxCharacters = 1000;
inline constexpr size_t kMaxPlanMotions = 1000;      ///< Of a film, by id.
inline constexpr size_t kMaxPhrases = 256;           ///< Of one motion.
inline constexpr size_t kMaxKeyFrames = 256;         ///< Of one scene.
inline constexpr size_t kMaxRegions = 64;            ///< Of one key frame.
inline constexpr size_t kMaxCaptions = 256;          ///< Distinct captions of one scene.
inline constexpr size_t kMaxMotions = 64;            ///< Of one scene.
inline constexpr size_t kMaxTextBytes = 16384;       ///< Of one text.
inline constexpr double kMaxBoxValue = 2.0;          ///< A larger edge is a pixel or a per mille, not a fraction.

/// What is wrong with a text, or nothing: invalid UTF-8, control characters, too long.
std::optional<std::string> text_fault(std::string_view text);

/// True for a text of blanks only.
bool is_blank(std::string_view text);

/// What is wrong with the id of a character or a motion, or nothing: ids become names of folders, so they are plain on
/// every file system, and "none" is nobody's name.
std::optional<std::string> id_fault(std::string_view id);

/// What is wrong with a box, or nothing: an edge that is not finite or beyond 2 in size, left right of right, top below
/// bottom. A box may reach outside 0..1 and may be empty.
std::optional<std::string> box_fault(const Box& box);

/// What is wrong with a scene as a whole, or nothing: too many distinct captions.
std::optional<std::string> scene_fault(const Scene& scene);

/// Faults of one plan, gathered so that a person can mend them in one go.
class Faults {
 public:
  /// `place` is a line, a line and a column, or empty when nothing better than `what` is known.
  void add(std::string place, std::string what);
  bool empty() const { return faults_.empty(); }
  size_t size() const { return faults_.size(); }
  /// One fault: `ORIGIN:PLACE: what`. Several: their number, then each on a line of its own; at most 50 are listed.
  Error error(const std::string& origin) const;

 private:
  struct Fault {
    std::string place;
    std::string what;
  };
  std::vector<Fault> faults_;
};

}  // namespace dreamrunner
