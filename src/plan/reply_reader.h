#pragma once

#include <string>
#include <string_view>

#include "story/plan_types.h"
#include "story/story_plan.h"

namespace dreamrunner {

/// Reads what a language model answered when it was asked for a story: JSON
/// (`{"scenes": [{"place", "motions", "narration"}]}`) or a story script. Reasoning blocks (`<think>...</think>` and the
/// like), Markdown fences and talk around it are passed over. Nothing is mended: a reply that ends early, holds two
/// stories or can be read in two ways is refused. Throws Error(plan_refused) with line and column, or line and JSON
/// pointer, of every fault; places count in the whole reply.
StoryPlan read_story_reply(std::string_view reply, const std::string& origin);

/// The same for a frame plan: JSON (`{"background", "key_frames"}` as in a plan file, with `reasoning` passed over) or
/// the text of a frame plan. The scene has no place, motions and narration.
Scene read_scene_reply(std::string_view reply, const std::string& origin);

}  // namespace dreamrunner
