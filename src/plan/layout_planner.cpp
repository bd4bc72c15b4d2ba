#include "plan/layout_planner.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "plan/english_words.h"
#include "plan/layout_boxes.h"
#include "plan/narration.h"
#include "plan/story_script.h"
#include "story/priors.h"

namespace dreamrunner {
namespace {

/// A motion as captions say it: its verb in the -ing form.
std::string progressive(const std::string& motion) {
  const auto words = words_of(motion);
  if (words.empty() || words.front().low.ends_with("ing")) return motion;
  const size_t at = motion.find(words.front().text);
  return motion.substr(0, at) + present_progressive(words.front().low) + motion.substr(at + words.front().text.size());
}

/// "a [v1] girl witch": as characters are called in captions.
std::string subject_of(const Character& character) {
  if (character.token.empty()) return with_article(character.name);
  return with_article(character.name.find(character.token) == std::string::npos ? character.token + ' ' + character.name : character.name);
}

bool says_where_to(const std::string& motion) {
  const auto words = words_of(motion);
  return std::any_of(words.begin(), words.end(), [](const Word& word) {
    return word.low == "left" || word.low == "right" || word.low == "towards" || word.low == "toward" || word.low == "to";
  });
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
    const Narration narration = read_narration(task, story, index);
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
};

/// True if the narration spells `word` with a capital inside a sentence: then it is a name.
bool is_name_in(const std::vector<Word>& narration, const Word& word) {
  for (size_t i = 1; i < narration.size(); ++i) {
    if (narration[i].low == word.low && narration[i].capital && !narration[i - 1].stop) return true;
  }
  return false;
}

}  // namespace

std::string background_of(const StoryScene& scene, const std::vector<Character>& cast) {
  const std::vector<Word> narration = words_of(scene.narration);
  const auto belongs_to_cast = [&](const Word& word) {
    return std::any_of(cast.begin(), cast.end(), [&](const Character& character) {
      const auto name = words_of(character.name);
      return word.low == character.id || (!name.empty() && word.low == name.back().low) || (!character.token.empty() && word.text == character.token);
    });
  };
  std::vector<Word> words = words_of(scene.place);
  // "In the forest" is the forest.
  while (!words.empty() && is_preposition(words.front().low)) words.erase(words.begin());
  std::string place;
  bool name = false;
  bool article = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const Word& word = words[i];
    const bool owner = word.possessive || belongs_to_cast(word) || (i == 0 && is_determiner(word.low) && word.low != "the" && word.low != "a" && word.low != "an");
    if (belongs_to_cast(word) && !word.possessive && i > 0 && !place.empty()) break;  // "a room with the witch"
    if (owner) continue;
    if (place.empty() && (word.low == "the" || word.low == "a" || word.low == "an")) {
      article = true;
      place = word.low;
      continue;
    }
    const bool named = is_name_in(narration, word);
    if (place.empty()) name = named;
    place += (place.empty() ? "" : " ") + (named || word.text.size() == 1 ? word.text : word.low);
  }
  // What is left hanging where somebody was cut off: "a room with the".
  for (bool cut = true; cut && !place.empty();) {
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
