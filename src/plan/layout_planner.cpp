#include "plan/layout_planner.h"

#include <algorithm>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "plan/english_words.h"
#include "plan/layout_boxes.h"
#include "plan/narration.h"
#include "plan/narration_cast.h"
#include "plan/story_script.h"
#include "story/priors.h"
#include "text/plain_text.h"

namespace dreamrunner {
namespace {

/// A motion as captions say it: its verb in the -ing form.
std::string progressive(const std::string& motion) {
  const auto words = words_of(motion);
  if (words.empty() || words.front().low.ends_with("ing")) return motion;
  const Word& verb = words.front();
  return motion.substr(0, verb.begin) + present_progressive(verb.low) + motion.substr(verb.end);
}

/// "a [v1] girl witch": as characters are called in captions.
std::string subject_of(const Character& character) {
  if (character.token.empty()) return with_article(character.name);
  return with_article(holds_token(character.name, character.token) ? character.name : character.token + ' ' + character.name);
}

bool says_where_to(const std::string& motion) {
  const auto words = words_of(motion);
  return std::any_of(words.begin(), words.end(), [](const Word& word) { return among(word.low, {"left", "right", "towards", "toward", "to"}); });
}

std::string caption_of(const Character& character, const std::string& motion, int travel) {
  std::string caption = subject_of(character);
  if (motion.empty()) return caption;
  caption += " is " + motion;
  if (travel != 0 && !says_where_to(motion)) caption += travel < 0 ? " to the left" : " to the right";
  return caption;
}

class LayoutPlanner final : public Planner {
 public:
  StoryPlan plan_story(const PlanningTask& task, RunContext& run) override {
    run.check();
    if (task.script.empty()) {
      throw Error(ErrorKind::usage,
                  task.topic.empty() ? "nothing to plan: the film has neither a story nor a topic"
                                     : fmt::format("the built-in planner cannot make a story of the topic \"{}\"", task.topic),
                  "write the story as scenes with motions and narration (story = \"story.txt\" in film.toml, docs/plans.md), or ask a "
                  "language model ([planner] kind = \"chat\")");
    }
    StoryPlan story = parse_story_script(task.script, "story");
    for (size_t i = 0; i < story.scenes.size(); ++i) {
      const size_t motions = story.scenes[i].motions.size();
      if (motions <= static_cast<size_t>(task.max_motions)) continue;
      throw Error(ErrorKind::plan_refused, fmt::format("scene {}: {} motions, at most {} expected", i + 1, motions, task.max_motions),
                  "split the scene, or raise planner.max_motions in film.toml");
    }
    return story;
  }

  Scene plan_scene(const PlanningTask& task, const StoryPlan& story, size_t index, RunContext& run) override {
    run.check();
    const StoryScene& source = story.scenes.at(index);
    const std::string where = fmt::format("scene {}", index + 1);
    const Narration narration = read_narration(cast_of(task, story), index);
    if (narration.cast.empty() && !source.motions.empty()) {
      throw Error(ErrorKind::plan_refused, fmt::format("{}: the narration names nobody who is {}", where, progressive(source.motions.front())),
                  "name a character in it, as film.toml calls it");
    }
    std::vector<Character> cast;
    for (const CastMember& member : narration.cast) cast.push_back(member.character);

    Scene scene{source.place, source.motions, source.narration, background_of(source, cast), {}, std::nullopt};
    if (scene.background.empty()) {
      throw Error(ErrorKind::plan_refused, fmt::format("{}: the place \"{}\" is nothing without its characters", where, source.place),
                  "name a place that could be empty, such as \"the forest\"");
    }
    // Ping-pong: who walks out of one scene to the right comes back in the next.
    const auto tracks = lay_out(narration, source, task.key_frames, index % 2 == 0, where);
    const auto order = drawing_order(narration);
    for (size_t frame = 0; frame < static_cast<size_t>(task.key_frames); ++frame) {
      KeyFrame key_frame;
      for (const size_t who : order) {
        const Placement& placement = tracks[who][frame];
        const std::string motion = placement.motion ? progressive(source.motions[*placement.motion]) : std::string();
        key_frame.regions.push_back({cast[who].id, motion.empty() ? "none" : motion, caption_of(cast[who], motion, placement.travel), placement.box, {}});
      }
      scene.key_frames.push_back(std::move(key_frame));
    }
    return scene;
  }

 private:
  /// Found once a story and not once a scene: it takes a look at every scene.
  const StoryCast& cast_of(const PlanningTask& task, const StoryPlan& story) {
    if (!cast_ || !cast_->is_of(task, story)) cast_.emplace(task, story);
    return *cast_;
  }

  std::optional<StoryCast> cast_;
};

/// True if the narration spells `word` with a capital inside a sentence: then it is a name.
bool is_name_in(const std::vector<Word>& narration, const Word& word) {
  for (size_t i = 1; i < narration.size(); ++i) {
    if (narration[i].low == word.low && narration[i].capital && !narration[i - 1].stop) return true;
  }
  return false;
}

/// What stands between two parts of a place: "the lake and the wood", "a room with a table", "a house where the cat sleeps".
bool joins_parts(const Word& word) { return among(word.low, {"and", "or", "where", "while", "when"}) || is_preposition(word.low); }

/// True if word `i` describes a noun behind it, as in "the dog park" and "a hot dog stand".
bool describes_noun(const std::vector<Word>& words, size_t i) {
  if (i + 1 == words.size() || words[i].comma || words[i].stop) return false;
  const std::string& next = words[i + 1].low;
  if (joins_parts(words[i + 1]) || is_determiner(next) || is_auxiliary(next)) return false;
  // "the witch sleeping" and "the witch alone" are the witch, but "the dog racing track" is a track and "the dog home" a home.
  const bool says_how = next.ends_with("ing") || (is_adverb(next) && next != "home");
  return !says_how || describes_noun(words, i + 1);
}

/// Where the part of a place that word `i` is in begins.
size_t part_begin(const std::vector<Word>& words, size_t i) {
  while (i > 0 && !joins_parts(words[i - 1]) && !words[i - 1].comma && !words[i - 1].stop) --i;
  return i;
}

size_t part_end(const std::vector<Word>& words, size_t i) {
  while (i + 1 < words.size() && !joins_parts(words[i + 1]) && !words[i].comma && !words[i].stop) ++i;
  return i + 1;
}

/// The place without the parts that are somebody of the cast, and without what joined them: "a room with the witch".
std::vector<Word> without_people(std::vector<Word> words, const std::function<bool(const Word&)>& is_cast) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i].possessive || !is_cast(words[i])) continue;
    size_t begin = part_begin(words, i);
    const bool does_something = begin > 0 && among(words[begin - 1].low, {"where", "while", "when"});
    if (!does_something && describes_noun(words, i)) continue;
    const size_t end = part_end(words, i);
    while (begin > 0 && joins_parts(words[begin - 1])) --begin;
    // A comma behind those who are cut off parts what is left all the same.
    if (begin > 0) words[begin - 1].comma = words[begin - 1].comma || words[end - 1].comma;
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(begin), words.begin() + static_cast<std::ptrdiff_t>(end));
    i = begin - 1;  // Wraps to the first word where everything before is gone.
  }
  return words;
}

bool is_article(std::string_view low) { return among(low, {"the", "a", "an"}); }

}  // namespace

std::string background_of(const StoryScene& scene, const std::vector<Character>& cast) {
  const std::vector<Word> narration = words_of(scene.narration);
  const auto is_token = [&](const Word& word) {
    return std::any_of(cast.begin(), cast.end(), [&](const Character& character) { return !character.token.empty() && word.text == character.token; });
  };
  const auto is_cast = [&](const Word& word) {
    return is_token(word) || std::any_of(cast.begin(), cast.end(), [&](const Character& character) {
      const auto name = words_of(character.name);
      return word.low == character.id || (!name.empty() && word.low == name.back().low);
    });
  };
  std::vector<Word> words = without_people(words_of(scene.place), is_cast);
  // "In the forest" is the forest.
  while (!words.empty() && joins_parts(words.front())) words.erase(words.begin());
  std::string place;
  bool name = false;
  bool article = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const Word& word = words[i];
    const bool owner = word.possessive || (i == 0 && is_determiner(word.low) && !is_article(word.low));
    if (owner || is_token(word)) continue;
    const bool comma = word.comma && i + 1 < words.size();
    if (place.empty() && is_article(word.low)) {
      article = true;
      place = word.low;
      continue;
    }
    const bool named = is_name_in(narration, word);
    if (place.empty()) name = named;
    place += (place.empty() ? "" : " ") + (named || word.text.size() == 1 ? word.text : word.low) + (comma ? "," : "");
  }
  // Nothing but articles, or what joined an owner to it: "the lake, the witch's".
  for (bool cut = true; cut && !place.empty();) {
    if (place.ends_with(',')) place.pop_back();
    const size_t blank = place.rfind(' ');
    const std::string last = blank == std::string::npos ? place : place.substr(blank + 1);
    cut = is_preposition(last) || is_determiner(last) || last == "and";
    if (cut) place.resize(blank == std::string::npos ? 0 : blank);
  }
  if (place.empty() || article || name) return place;
  return "the " + place;
}

std::unique_ptr<Planner> make_layout_planner() { return std::make_unique<LayoutPlanner>(); }

}  // namespace dreamrunner
