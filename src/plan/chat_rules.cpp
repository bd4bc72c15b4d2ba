#include "plan/chat_rules.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "story/priors.h"
#include "text/plain_text.h"

namespace dreamrunner {
namespace {

/// Letters, digits and anything beyond ASCII.
bool in_word(char c) { return (c >= '0' && c <= '9') || (small_letter(c) >= 'a' && small_letter(c) <= 'z') || (static_cast<unsigned char>(c) & 0x80) != 0; }

/// The words that tell one character from another: no token, no article, lower case.
std::vector<std::string> telling_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool token = false;
  for (const char c : std::string(text) + ' ') {
    if (c == '[') token = true;
    else if (c == ']') token = false;
    else if (token) continue;
    else if (in_word(c) || c == '\'') word += small_letter(c);
    else if (!word.empty()) words.push_back(std::exchange(word, {}));
  }
  while (words.size() > 1 && among(words.front(), {"a", "an", "the", "her", "his", "their", "its"})) words.erase(words.begin());
  return words;
}

/// Where `word` stands as a whole word, in any case; npos if it does not.
size_t find_word(std::string_view text, std::string_view word) {
  if (word.empty()) return std::string_view::npos;
  const std::string where = small_letters(text);
  const std::string what = small_letters(word);
  for (size_t at = where.find(what); at != std::string::npos; at = where.find(what, at + 1)) {
    const size_t end = at + what.size();
    if ((at == 0 || !in_word(where[at - 1])) && (end == where.size() || !in_word(where[end]))) return at;
  }
  return std::string_view::npos;
}

/// "She is ..." goes on in the middle of a sentence as "she is ..."; a name stays as it is.
std::string continued(std::string caption) {
  constexpr std::string_view kStarts[] = {"a ", "an ", "the ", "he ", "she ", "it ", "they "};
  const std::string low = small_letters(caption);
  if (std::any_of(std::begin(kStarts), std::end(kStarts), [&](std::string_view start) { return low.starts_with(start); })) caption[0] = low[0];
  return caption;
}

}  // namespace

void check_story(const StoryPlan& story, const PlanningTask& task, Faults& faults) {
  const auto scenes = static_cast<int>(story.scenes.size());
  if (scenes < task.min_scenes || scenes > task.max_scenes) {
    faults.add("", fmt::format("the story has {} scenes, expected {} to {}", scenes, task.min_scenes, task.max_scenes));
  }
  for (size_t i = 0; i < story.scenes.size(); ++i) {
    const std::vector<std::string>& motions = story.scenes[i].motions;
    if (static_cast<int>(motions.size()) <= task.max_motions) continue;
    faults.add("", fmt::format("scene {} has {} motions ({}), expected at most {}", i + 1, motions.size(), fmt::join(motions, ", "), task.max_motions));
  }
}

Scene fit_scene(Scene scene, const PlanningTask& task, const StoryScene& story, Faults& faults) {
  if (static_cast<int>(scene.key_frames.size()) != task.key_frames) {
    faults.add("", fmt::format("the plan has {} key frames, expected {}", scene.key_frames.size(), task.key_frames));
  }
  const bool empty = std::all_of(scene.key_frames.begin(), scene.key_frames.end(), [](const KeyFrame& frame) { return frame.regions.empty(); });
  if (empty) faults.add("", "no key frame has a region, expected the characters of the narration");
  for (KeyFrame& frame : scene.key_frames) {
    for (PlannedRegion& region : frame.regions) {
      const Character* character = character_named(region.character, task.characters);
      if (character == nullptr) continue;
      region.character = character->id;
      region.caption = caption_with_token(region.caption, *character);
      if (const auto wrong = text_fault(region.caption)) faults.add("", fmt::format("a caption of {}: {}", character->id, *wrong));
    }
  }
  scene.place = story.place;
  scene.motions = story.motions;
  scene.narration = story.narration;
  return scene;
}

const Character* character_named(const std::string& name, const std::vector<Character>& characters) {
  const std::vector<std::string> words = telling_words(name);
  if (words.empty()) return nullptr;
  for (const Character& character : characters) {
    if (telling_words(character.id) == words || telling_words(character.name) == words) return &character;
  }
  const Character* found = nullptr;
  for (const Character& character : characters) {
    const std::vector<std::string> whole = telling_words(character.name);
    if (whole.size() < words.size() || !std::equal(words.rbegin(), words.rend(), whole.rbegin())) continue;
    if (found != nullptr) return nullptr;
    found = &character;
  }
  return found;
}

std::string caption_with_token(const std::string& caption, const Character& character) {
  if (character.token.empty()) return caption;
  const std::string both = character.token + ' ' + character.name;
  const size_t token = find_token(caption, character.token);
  const size_t name = find_word(caption, character.name);
  if (token != std::string::npos) {
    if (name != std::string_view::npos) return caption;
    return std::string(caption).replace(token, character.token.size(), both);
  }
  if (name != std::string_view::npos) return std::string(caption).insert(name, character.token + ' ');
  const std::string last = character.name.substr(character.name.find_last_of(' ') + 1);
  for (const std::string& word : {last, character.id}) {
    if (const size_t at = find_word(caption, word); at != std::string_view::npos) return std::string(caption).replace(at, word.size(), both);
  }
  return both + ", " + continued(caption);
}

}  // namespace dreamrunner
