#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "story/plan_types.h"

namespace dreamrunner {

/// A fault at a byte of the text that was read.
struct PlanTextFault {
  size_t offset = 0;
  std::string what;
};

/// A frame plan as far as it could be read, and what is wrong with it. Without faults the scene is whole.
struct PlanTextResult {
  Scene scene;
  std::vector<PlanTextFault> faults;
};

/// Reads a frame plan in the spelling of language models (paper, listings 3 and 4, and the released plans):
///
///     Background: the forest
///     Frame_1: [["Teddy", "hiking", "Teddy is hiking in the forest"], [0.6, 0.0, 1.0, 1.0]], [[...], [...]]
///     Frame_2: ...
///
/// Names in brackets, braces or parentheses, quoted in any way or not at all; lists over several lines; newlines real or
/// written `\n`; reasoning before, remarks after, Markdown around. docs/plans.md has the grammar. Nothing is guessed: a
/// text that can be read in two ways, lacks something or ends too early is refused, at a position. A fault of the
/// grammar ends the reading; faults of boxes and texts are all gathered. Never throws for what the text holds.
PlanTextResult read_plan_text(std::string_view text);

/// The same, for callers that want a scene or an error. Throws Error(plan_refused) with line and column (from 1, in
/// characters) of every fault.
Scene parse_plan_text(std::string_view text, const std::string& origin);

/// "LINE:COLUMN" of a byte of `text`.
std::string line_and_column(std::string_view text, size_t offset);

}  // namespace dreamrunner
