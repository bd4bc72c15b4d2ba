#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "plan/english_words.h"
#include "plan/lint_rules.h"
#include "story/priors.h"

namespace dreamrunner::lint {
namespace {

using Words = std::vector<std::string>;

Words low_words(std::string_view text) {
  Words words;
  for (const Word& word : words_of(text)) words.push_back(word.low);
  return words;
}

bool holds(const Words& text, const Words& phrase) {
  return !phrase.empty() && std::search(text.begin(), text.end(), phrase.begin(), phrase.end()) != text.end();
}

/// The character that `name` seems to mean although it is not its id, or null.
const Character* meant(const Run& run, const std::string& name) {
  const Words words = low_words(name);
  for (const Character& one : run.characters) {
    const Words id = low_words(one.id), full = low_words(one.name);
    if (words == id || words == full || (!words.empty() && !full.empty() && words.back() == full.back()) ||
        (!one.token.empty() && holds_token(name, one.token)))
      return &one;
  }
  return nullptr;
}

void check_region(Run& run, const Place& place, const PlannedRegion& region) {
  if (is_nothing(region.character)) return;
  const Character* character = run.character(region.character);
  if (!character) {
    if (run.characters.empty()) return;
    const Place at{place.scene, place.frame, place.region, "character"};
    if (const Character* other = meant(run, region.character)) {
      run.add("unknown-character", at, region.character,
              fmt::format("\"{}\" is no id, so what is learnt about {} is not used", region.character, other->name),
              fmt::format("write \"{}\"", other->id));
    } else if (!is_nothing(region.motion)) {
      run.add("unknown-character", at, region.character, fmt::format("\"{}\" moves but is no character of the film", region.character));
    }
    return;
  }
  if (character->token.empty()) return;
  const Place at{place.scene, place.frame, place.region, "caption"};
  if (!holds_token(region.caption, character->token)) {
    run.add("caption-lacks-token", at, region.caption,
            fmt::format("\"{}\" does not hold {}, which calls up {}", cut(region.caption), character->token, character->id),
            fmt::format("write \"{} {}\" for the character", character->token, character->name));
  } else if (!holds(low_words(region.caption), low_words(character->name))) {
    run.add("caption-lacks-name", at, region.caption,
            fmt::format("\"{}\" does not call {} \"{}\", as captions in training do", cut(region.caption), character->id, character->name));
  }
}

void check_key_frame(Run& run, const Place& place, const KeyFrame& frame) {
  for (size_t i = 0; i < frame.regions.size(); ++i) {
    const PlannedRegion& region = frame.regions[i];
    const Place at{place.scene, place.frame, static_cast<int>(i), ""};
    check_region(run, at, region);
    const auto earlier = frame.regions.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(frame.regions.begin(), earlier, region) != earlier) {
      run.add("duplicate-region", at, region.character + '\n' + region.caption,
              fmt::format("\"{}\" stands twice in this key frame", cut(region.caption)));
    } else if (run.character(region.character)) {
      const auto twin =
          std::find_if(frame.regions.begin(), earlier, [&](const PlannedRegion& other) { return other.character == region.character; });
      if (twin != earlier) run.add("character-twice", at, region.character, fmt::format("{} is in two places at once", region.character));
    }
  }
}

/// Captions are the conditions of the model: two characters behind one are one to it.
void check_shared_captions(Run& run, int scene) {
  std::map<std::string, std::string> owner;
  const std::vector<KeyFrame>& frames = run.plan.scenes[static_cast<size_t>(scene)].key_frames;
  for (size_t f = 0; f < frames.size(); ++f) {
    for (size_t r = 0; r < frames[f].regions.size(); ++r) {
      const PlannedRegion& region = frames[f].regions[r];
      if (is_nothing(region.character)) continue;
      const auto& [caption, first] = *owner.emplace(region.caption, region.character).first;
      if (first == region.character) continue;
      run.add("shared-caption", {scene, static_cast<int>(f), static_cast<int>(r), "caption"}, caption,
              fmt::format("\"{}\" is the caption of {} and of {}, so one text governs both boxes", cut(caption), first, region.character));
    }
  }
}

/// The background is what no region covers; a name in it calls the character up there once more.
void check_background(Run& run, int index) {
  const Scene& scene = run.plan.scenes[static_cast<size_t>(index)];
  const Words background = low_words(scene.background);
  std::set<std::string> asked;
  for (const KeyFrame& frame : scene.key_frames) {
    for (const PlannedRegion& region : frame.regions) {
      const Character* character = run.character(region.character);
      const bool counts = !is_nothing(region.character) && (character || !is_nothing(region.motion));
      if (!counts || !asked.insert(region.character).second) continue;
      const std::string& name = character ? character->name : region.character;
      const Words words = low_words(name);
      const bool by_token = character && !character->token.empty() && holds_token(scene.background, character->token);
      // "big cat" is named by "a cat" too.
      if (!by_token && !holds(background, words) && !(words.size() > 1 && holds(background, {words.back()}))) continue;
      run.add("background-names-character", {index, -1, -1, "background"}, region.character,
              fmt::format("\"{}\" names {}, who has a region", cut(scene.background), name), "describe the place alone");
    }
  }
}

}  // namespace

void check_characters(Run& run, int scene) {
  check_background(run, scene);
  const std::vector<KeyFrame>& frames = run.plan.scenes[static_cast<size_t>(scene)].key_frames;
  for (size_t f = 0; f < frames.size(); ++f) check_key_frame(run, {scene, static_cast<int>(f), -1, ""}, frames[f]);
  check_shared_captions(run, scene);
}

}  // namespace dreamrunner::lint
