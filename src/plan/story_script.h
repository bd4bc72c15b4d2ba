#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan/plan_text.h"
#include "story/story_plan.h"

namespace dreamrunner {

/// A story script as far as it could be read, and what is wrong with it. Without faults the story is whole.
struct StoryScriptResult {
  StoryPlan story;
  std::vector<PlanTextFault> faults;
};

/// Reads a story in the form of the paper's story plan (listings 1 and 2), written by a person or by a language model:
///
///     Scene 1: the forest
///     Motions:
///     walking, waving
///     Narration:
///     The witch is walking through the forest. Then she is waving.
///
/// What belongs to a label may stand behind it or on the lines below; a place may have a label of its own there, `Place:`.
/// Motions are separated by commas, semicolons or line
/// breaks, may end in a dot or be a list with bullets; "none" is none. A narration may go on over several lines, which
/// become one. Markdown around labels, code fences, rules, `[Input]` and `[Output]` headers, `<think>` blocks and talk
/// before the first scene are passed over; "Title: ..." before it too. Scenes count from 1 without a gap.
/// Every scene has a place, a list of motions and a narration, each once; a script that ends before that is refused, not
/// mended. All faults are gathered. Never throws for what the text holds.
StoryScriptResult read_story_script(std::string_view text);

/// The same, for callers that want a story or an error. Throws Error(plan_refused) with line and column (from 1, in
/// characters) of every fault.
StoryPlan parse_story_script(std::string_view text, const std::string& origin);

/// True if `text` has a line that begins a scene of a script, and none that begins a frame plan.
bool looks_like_story_script(std::string_view text);

}  // namespace dreamrunner
