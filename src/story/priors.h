#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "story/plan_types.h"

namespace dreamrunner {

/// What a region asks for besides the model: ids, empty where it asks for nothing.
struct WantedPriors {
  std::string character;  ///< Of the plan's characters.
  std::string motion;     ///< Of the plan's motions.
  bool operator==(const WantedPriors&) const = default;
};

/// Which priors `region` wants. The character is one of the plan's by id; a plain name wants none. The motion is
/// `motion_id` where the region has one, else the motion that lists the region's `motion` among its phrases, letters' case
/// and blanks aside. Captions are never looked at, and no word is guessed: run `complete_motions` on a plan that may lack
/// phrases.
WantedPriors wanted_priors(const Plan& plan, const PlannedRegion& region);

/// `phrase` as phrases are compared: ASCII letters small, one blank between words, none around.
std::string normal_phrase(std::string_view phrase);

/// Where `caption` calls up what was learnt under `token`, which is not empty; npos if it does not. Whole: "sks" is not in
/// "asks", nor v1 in v10.
size_t find_token(std::string_view caption, std::string_view token);

/// Whether it calls it up at all.
bool holds_token(std::string_view caption, std::string_view token);

/// True for "" and "none": nobody, or nothing moves.
bool is_nothing(std::string_view name);

}  // namespace dreamrunner
