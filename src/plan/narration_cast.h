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

/// Who is in scene `index`; see `read_narration`.
std::vector<CastMember> cast_of_scene(const PlanningTask& task, const StoryPlan& story, size_t index);

/// Every mention of `cast` in order, pronouns resolved to those named before.
std::vector<Mention> mentions_of(const std::vector<Word>& words, const std::vector<CastMember>& cast);

/// The words [first, last) of the sentence that word `at` is in.
std::pair<size_t, size_t> sentence_of(const std::vector<Word>& words, size_t at);

}  // namespace dreamrunner
