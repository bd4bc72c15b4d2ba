#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "plan/preview.h"
#include "story/plan_types.h"

/// What the three previews share; only preview's own files include this.
namespace dreamrunner::preview {

/// Who is to be seen in a plan: its characters in their order, then plain names, then captions of nobody, in the order of
/// first appearance. The place in the cast is the colour and the letter.
class Cast {
 public:
  explicit Cast(const Plan& plan);

  /// Of the region's character, or of its caption where it has none.
  int index_of(const PlannedRegion& region) const;
  /// "witch" or, for nobody, the caption.
  const std::string& name(int index) const { return names_[static_cast<size_t>(index)]; }
  int size() const { return static_cast<int>(names_.size()); }
  /// A capital letter or digit of its own as long as they last, the first letter of its name where that is free; then '#'.
  char letter(int index) const { return letters_[static_cast<size_t>(index)]; }

 private:
  static std::string key_of(const PlannedRegion& region);
  void add(const std::string& key, const std::string& name);
  std::map<std::string, int> index_of_key_;
  std::vector<std::string> names_;
  std::vector<char> letters_;
};

/// A region as one moment shows it: its box is clipped to the frame and not empty.
struct SeenRegion {
  const PlannedRegion* region = nullptr;
  Box box;
};

/// What key frame `index` shows, large boxes first, so that small ones are drawn over them.
std::vector<SeenRegion> seen_in(const KeyFrame& frame);

/// What frame `index` of `count` of a scene's film shows: the key frame of its stretch, or, `linear`, regions of the same
/// character, motion and caption on their way from one key frame's middle to the next (docs/plans.md, "From boxes to
/// tokens", rules 3 and 4).
std::vector<SeenRegion> seen_at(const Scene& scene, int64_t index, int64_t count, bool linear);

/// The key frame whose stretch frame `index` of `count` lies in.
size_t key_frame_at(const Scene& scene, int64_t index, int64_t count);

/// At most `most` characters of a text, with an ellipsis where it is cut: nobody reads more on a picture, and setting
/// thousands of letters takes longer than drawing all the rest.
std::string brief(const std::string& text, size_t most = 400);

/// "witch · walking", or what there is of it.
std::string label_of(const Cast& cast, const PlannedRegion& region);

/// One caption of a scene and when it is to be seen.
struct CaptionSpan {
  const PlannedRegion* region = nullptr;  ///< The first with this caption.
  std::string frames;                     ///< "frames 1-3, 5".
};

/// The distinct regions of a scene, boxes aside, in the order of the cast.
std::vector<CaptionSpan> captions_of(const Cast& cast, const Scene& scene);

/// "Scene 3 · the forest".
std::string title_of(const Scene& scene, size_t index);

/// The scenes that a preview shows, as [first, last). Throws Error(usage) for options that make no picture.
struct SceneRange {
  size_t first = 0;
  size_t last = 0;
  size_t left_out = 0;  ///< Behind the last.
};
SceneRange shown_scenes(const Plan& plan, const PreviewOptions& options);

}  // namespace dreamrunner::preview
