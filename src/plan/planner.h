#pragma once

#include <string>
#include <vector>

#include "base/run_context.h"
#include "story/plan_types.h"
#include "story/story_plan.h"

namespace dreamrunner {

/// What a film is planned from, and the limits of the plan.
struct PlanningTask {
  std::string topic;                  ///< Such as "the witch and her cat's one day"; empty with a script.
  std::string script;                 ///< Scene / Motions / Narration text; empty with a topic.
  std::vector<Character> characters;  ///< Those of film.toml; their tokens belong into captions.
  int key_frames = 6;
  int min_scenes = 5;
  int max_scenes = 8;
  int max_motions = 2;                ///< A scene; 4 suits several characters.
};

/// Turns a task into a story plan and each of its scenes into key frames with boxes and captions.
class Planner {
 public:
  virtual ~Planner() = default;

  /// From the topic or the script. Throws Error(usage) where this planner cannot plan such a task (a topic alone needs a
  /// language model), Error(plan_refused) for a script or reply that cannot be read, Error(language_model) where no model
  /// answers.
  virtual StoryPlan plan_story(const PlanningTask& task, RunContext& run) = 0;

  /// Key frames for scene `index` of `story`. Throws as `plan_story`.
  virtual Scene plan_scene(const PlanningTask& task, const StoryPlan& story, size_t index, RunContext& run) = 0;
};

}  // namespace dreamrunner
