#pragma once

#include "base/json.h"
#include "plan/planner.h"

namespace dreamrunner {

/// JSON Schema of a story reply: `{"scenes": [{"place", "motions", "narration"}]}` within the task's limits.
Json story_schema(const PlanningTask& task);

/// JSON Schema of a frame plan reply: `{"reasoning", "background", "key_frames"}`. Reasoning comes first, so that a model
/// that writes in order thinks before it places.
Json scene_schema(const PlanningTask& task);

}  // namespace dreamrunner
