#pragma once

#include <utility>
#include <vector>

#include "plan/english_words.h"
#include "plan/narration.h"

namespace dreamrunner {

/// Words of a narration that stand for members of its cast.
struct Mention {
  size_t begin = 0;
  size_t end = 0;            ///< Behind the last word.
  std::vector<size_t> who;   ///< Indices into the cast; several for "they".
  bool object = false;       ///< Behind a preposition or a verb: something is done to them.
  bool with = false;         ///< Behind "with": they come along.
  bool joined = false;       ///< "and" joins them to the mention before.
};

/// Who is in a story, scene by scene; see `read_narration`. Every scene is read once, when it is made.
class StoryCast {
 public:
  StoryCast(const PlanningTask& task, const StoryPlan& story);

  /// True if it was found for these characters and this story.
  bool is_of(const PlanningTask& task, const StoryPlan& story) const;

  const StoryPlan& story() const { return story_; }

  /// Who is in scene `index`.
  std::vector<CastMember> of_scene(size_t index) const;

 private:
  /// Those of the nearest scene before `index` that names anybody; where none does, the only one there is.
  std::vector<CastMember> before(size_t index) const;

  std::vector<Character> characters_;  ///< The task's.
  StoryPlan story_;
  std::vector<CastMember> all_;              ///< The same; without any those whom the narrations bring.
  std::vector<std::vector<size_t>> named_;   ///< Of each scene those of `all_` that it names, in order of mention.
};

/// Every mention of `cast` in order, pronouns resolved to those named before.
std::vector<Mention> mentions_of(const std::vector<Word>& words, const std::vector<CastMember>& cast);

/// The words [first, last) of the sentence that word `at` is in.
std::pair<size_t, size_t> sentence_of(const std::vector<Word>& words, size_t at);

}  // namespace dreamrunner
