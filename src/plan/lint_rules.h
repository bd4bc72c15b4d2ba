#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plan/lint.h"

/// What the rules share; only lint's own files include this.
namespace dreamrunner::lint {

/// A place in a plan; -1 where it is no deeper.
struct Place {
  int scene = -1;
  int frame = -1;
  int region = -1;
  std::string field;  ///< Of the region, the scene or the plan; may be empty.
  std::string pointer() const;
};

/// One check of one plan: who is known, and what was found so far.
class Run {
 public:
  Run(const Plan& plan_, const LintOptions& options_);

  const Plan& plan;
  const LintOptions& options;
  std::vector<Character> characters;  ///< Of film and plan, each id once, each with a name.

  /// Null for a plain name.
  const Character* character(std::string_view id) const;

  /// Notes what `rule` found at `place`. What has the same `key` (rule and scene aside) is counted, not told again: a plan
  /// repeats most of a key frame in the next.
  void add(const char* rule, const Place& place, const std::string& key, const std::string& message, const std::string& hint = {});

  /// In the order of the plan, with lines.
  std::vector<LintFinding> findings() &&;

 private:
  struct Entry {
    Place place;
    LintFinding finding;
    int repeats = 0;
  };
  std::vector<Entry> entries_;
  std::map<std::string, size_t> seen_;
};

// Each looks at one scene; `scene` is its index in the plan.
void check_boxes(Run& run, int scene);       ///< One box at a time, and on the model's grid.
void check_movement(Run& run, int scene);    ///< Boxes from one key frame to the next.
void check_motions(Run& run, int scene);     ///< Spans, number, words.
void check_characters(Run& run, int scene);  ///< Who is who, and what captions call them.
void check_texts(Run& run, int scene);       ///< What the model's tokenizer makes of them.

/// A text of the plan as messages show it: at most `most` characters, with an ellipsis where it is cut.
std::string cut(const std::string& text, int most = 100);

/// "walking" of a motion: its first word that is no adverb, in small letters.
std::string verb_of_motion(std::string_view motion);

}  // namespace dreamrunner::lint
