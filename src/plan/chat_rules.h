#pragma once

#include <string>

#include "plan/planner.h"
#include "story/plan_rules.h"

namespace dreamrunner {

/// What a language model's story must keep besides its form: the number of scenes and of motions that the task allows.
void check_story(const StoryPlan& story, const PlanningTask& task, Faults& faults);

/// Fits a frame plan that was read from a reply into the film: checks the number of key frames and that something is to
/// be seen; calls characters by their ids; puts their tokens into their captions; adds place, motions and narration.
Scene fit_scene(Scene scene, const PlanningTask& task, const StoryScene& story, Faults& faults);

/// The character that a model means by `name` ("Witch", "the girl witch", "[v1] girl witch"), or null: id or name are the
/// same words, or `name` is how the name of exactly one character ends.
const Character* character_named(const std::string& name, const std::vector<Character>& characters);

/// `caption` with the character's token in front of its name, as captions in training have it ("a [v1] girl witch is
/// walking"). A caption with token and name stays. One that calls the character by id or by the last word of its name gets
/// token and name in that place; any other gets them in front. Without a token nothing changes.
std::string caption_with_token(const std::string& caption, const Character& character);

}  // namespace dreamrunner
