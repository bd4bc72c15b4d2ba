#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "story/plan_types.h"

namespace dreamrunner {

/// The id that the words of a motion suggest: small letters and digits with dashes, the verb in its -ing form, without
/// adverbs and without where it leads: "Walks slowly to the left" -> "walking", "picking up a shell" -> "picking-up-shell".
/// "motion" where nothing is left of it.
std::string motion_id_of(std::string_view phrase);

/// The motion of `motions` that `phrase` means, or null: the one that lists it (letters' case and blanks aside); else the
/// one whose id has the same words, forms of the verb aside ("walks" is walking); else the one whose id is the verb alone
/// ("walking through high grass" is walking). A particle belongs to the verb: "picking up" is not "picking".
const Motion* find_motion(const std::vector<Motion>& motions, std::string_view phrase);

/// Lists every motion that the plan's scenes and regions speak of: a phrase that `find_motion` knows joins that motion, any
/// other becomes a motion of its own. What is listed stays as it is, so a person's choice holds. Regions with a
/// `motion_id` are left alone.
void complete_motions(Plan& plan);

}  // namespace dreamrunner
