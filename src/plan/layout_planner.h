#pragma once

#include <memory>

#include "plan/planner.h"

namespace dreamrunner {

/// The planner that is built in: by rules, without a network, the same plan for the same script every time. It reads each
/// narration (`read_narration`), puts everybody into a lane and moves those who go somewhere (`lay_out`), and words captions
/// as the playset learnt them: "a [v1] girl witch is walking to the right". Backgrounds are the scene's place without
/// anybody in it: "the forest". docs/plans.md describes what it makes of a script.
/// `plan_story` throws Error(usage) for a topic, and Error(plan_refused) for a script with faults or with more motions in a
/// scene than the task allows. `plan_scene` throws Error(plan_refused), saying what to change, where a motion has nobody to
/// do it, where motions do not fit the key frames, and where a place is nothing but a character.
std::unique_ptr<Planner> make_layout_planner();

/// The place of a scene as the text of its background: small letters unless it is a name, with an article, without
/// possessives and without what the cast is called. Empty where nothing is left.
std::string background_of(const StoryScene& scene, const std::vector<Character>& cast);

}  // namespace dreamrunner
