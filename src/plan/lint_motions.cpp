#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "plan/english_words.h"
#include "plan/lint_rules.h"
#include "story/priors.h"

namespace dreamrunner::lint {
namespace {

std::string stem_of_motion(std::string_view motion) { return verb_stem(verb_of_motion(motion)); }

/// The stems of all words of a text, so that "walks" answers for "walking".
void add_stems(std::set<std::string>& stems, std::string_view text) {
  for (const Word& word : words_of(text)) stems.insert(verb_stem(word.low));
}

const Scene& scene_of(const Run& run, int scene) { return run.plan.scenes[static_cast<size_t>(scene)]; }

std::string who(const PlannedRegion& region) { return is_nothing(region.character) ? std::string("a region") : region.character; }

/// Calls `visit(place, region)` for each region in which something moves.
template <typename Visit>
void each_motion(const Run& run, int scene, Visit visit) {
  const std::vector<KeyFrame>& frames = scene_of(run, scene).key_frames;
  for (size_t f = 0; f < frames.size(); ++f) {
    for (size_t r = 0; r < frames[f].regions.size(); ++r) {
      const PlannedRegion& region = frames[f].regions[r];
      if (!is_nothing(region.motion)) visit(Place{scene, static_cast<int>(f), static_cast<int>(r), "motion"}, region);
    }
  }
}

void check_words(Run& run, int scene) {
  each_motion(run, scene, [&](const Place& place, const PlannedRegion& region) {
    const std::string verb = verb_of_motion(region.motion);
    if (!verb.empty() && !(verb.size() > 4 && verb.ends_with("ing"))) {
      run.add("motion-not-progressive", place, region.motion, fmt::format("\"{}\" is not in the present progressive", region.motion),
              "write it as in \"walking\"");
    }
    std::set<std::string> said;
    add_stems(said, region.caption);
    if (!said.contains(verb_stem(verb))) {
      run.add("caption-lacks-motion", {place.scene, place.frame, place.region, "caption"}, region.motion + '\n' + region.caption,
              fmt::format("\"{}\" does not say \"{}\", the motion of its region", cut(region.caption), region.motion));
    }
  });
}

void check_story(Run& run, int index) {
  const Scene& scene = scene_of(run, index);
  std::set<std::string> told;
  for (const std::string& motion : scene.motions) add_stems(told, motion);
  add_stems(told, scene.narration);
  std::set<std::string> shown;
  each_motion(run, index, [&](const Place& place, const PlannedRegion& region) {
    const std::string stem = stem_of_motion(region.motion);
    shown.insert(stem);
    if (told.empty() || told.contains(stem)) return;
    run.add("motion-not-in-story", place, region.motion,
            fmt::format("{} is {}, of which neither motions nor narration of the scene speak", who(region), region.motion));
  });
  for (size_t i = 0; i < scene.motions.size(); ++i) {
    if (is_nothing(scene.motions[i]) || shown.contains(stem_of_motion(scene.motions[i]))) continue;
    run.add("motion-not-shown", {index, -1, -1, fmt::format("motions/{}", i)}, scene.motions[i],
            fmt::format("nobody is {} in any key frame", scene.motions[i]));
  }
}

void check_number(Run& run, int scene) {
  std::set<std::string> motions, movers;
  each_motion(run, scene, [&](const Place&, const PlannedRegion& region) { movers.insert(region.character); });
  const int most = movers.size() > 1 ? run.options.max_motions_of_several : run.options.max_motions;
  each_motion(run, scene, [&](const Place& place, const PlannedRegion& region) {
    if (!motions.insert(stem_of_motion(region.motion)).second || static_cast<int>(motions.size()) <= most) return;
    run.add("too-many-motions", place, "",
            fmt::format("\"{}\" is motion {} of this scene, at most {} expected", region.motion, motions.size(), most));
  });
}

/// A motion lasts from the key frame where its character begins it to the one where it ends; each such span counts.
void check_spans(Run& run, int scene) {
  const std::vector<KeyFrame>& frames = scene_of(run, scene).key_frames;
  if (frames.size() < 2) return;
  const auto goes_on = [&](size_t frame, const PlannedRegion& region) {
    const auto& regions = frames[frame].regions;
    return std::any_of(regions.begin(), regions.end(),
                       [&](const PlannedRegion& other) { return other.character == region.character && other.motion == region.motion; });
  };
  each_motion(run, scene, [&](const Place& place, const PlannedRegion& region) {
    const auto f = static_cast<size_t>(place.frame);
    if ((f > 0 && goes_on(f - 1, region)) || (f + 1 < frames.size() && goes_on(f + 1, region))) return;
    run.add("motion-too-short", place, region.character + '\n' + region.motion,
            fmt::format("{} is {} for one key frame, at least two expected", who(region), region.motion));
  });
}

}  // namespace

void check_motions(Run& run, int scene) {
  check_number(run, scene);
  check_story(run, scene);
  check_words(run, scene);
  check_spans(run, scene);
}

}  // namespace dreamrunner::lint
