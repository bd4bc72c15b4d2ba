#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "story/plan_types.h"

namespace dreamrunner {

class T5Tokenizer;

/// An error is a plan that must not be generated as it is; a warning is a plan that will hardly show what it says.
enum class Severity { warning, error };

/// One thing that a rule found.
struct LintFinding {
  std::string rule;  ///< Stable name of the rule, such as "box-too-small"; docs/lint.md has one section for each.
  Severity severity = Severity::warning;
  std::string pointer;  ///< JSON pointer of the place in the plan, such as "/scenes/0/key_frames/2/regions/1/box".
  int line = 0;         ///< Of the place in the plan's text, from 1; 0 when unknown.
  std::string message;  ///< What was found, and what is expected.
  std::string hint;     ///< A way out; may be empty.
  bool operator==(const LintFinding&) const = default;
};

/// The grid of visual tokens that the film's model works on.
struct LintGrid {
  int64_t frames = 0;
  int64_t height = 0;
  int64_t width = 0;
};

/// What a plan is held against. Defaults are the paper's.
struct LintOptions {
  std::vector<Character> characters;       ///< Of the film; one with the id of a plan's character stands in for it.
  const T5Tokenizer* tokenizer = nullptr;  ///< Of the film's model; null: its words are not checked.
  int64_t max_text_tokens = 0;             ///< How much of a caption the model reads; 0: not checked. Needs `tokenizer`.
  std::optional<LintGrid> grid;            ///< Without one nothing is said of boxes that vanish.
  std::string_view text;                   ///< The plan's JSON as it was read, for line numbers; may be empty.
  int min_scenes = 5;
  int max_scenes = 8;
  int key_frames = 6;
  int max_motions = 2;             ///< Of a scene with one character that moves.
  int max_motions_of_several = 4;  ///< Of a scene with more.
  double min_side = 0.2;           ///< Of a box.
  double max_shift = 0.2;          ///< Of a box's centre from one key frame to the next, where nobody travels.
  double max_travel = 0.4;         ///< The same for motions that lead from one place to another.
  std::set<std::string> silenced;  ///< Names of rules that are not asked; errors among them too.
};

/// What is known of a rule without a plan.
struct LintRule {
  const char* name;
  Severity severity;
  const char* summary;  ///< Half a sentence: what is wrong where it fires.
};

/// All rules in the order of docs/lint.md.
std::span<const LintRule> lint_rules();

/// Checks a plan against the rules, in the order of the plan. The plan is one that `plan_from_json` accepts. Throws
/// Error(usage) for a silenced name that is no rule, naming the nearest ones.
std::vector<LintFinding> lint_plan(const Plan& plan, const LintOptions& options = {});

/// True if one of the findings is an error.
bool has_errors(const std::vector<LintFinding>& findings);

/// One line a finding as compilers write them, `ORIGIN:LINE:POINTER: warning: MESSAGE; HINT [RULE]`; a finding without a
/// line has none. Ends with a line break, or is empty.
std::string format_findings(const std::vector<LintFinding>& findings, const std::string& origin);

/// "2 errors, 17 warnings".
std::string count_findings(const std::vector<LintFinding>& findings);

/// The findings as JSON: {"schema": 1, "errors": N, "warnings": N, "findings": [{"rule", "severity", "pointer", "line",
/// "message", "hint"}]}; `line` is null when unknown.
Json findings_to_json(const std::vector<LintFinding>& findings);

}  // namespace dreamrunner
