#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "story/plan_types.h"

namespace dreamrunner {

/// The `schema` number that `plan_to_json` writes; other ones are refused. docs/plans.md describes it.
inline constexpr int kPlanSchema = 1;

/// Reads a plan in our JSON form. Throws Error(plan_refused) that lists every fault with its JSON pointer: unknown or
/// missing fields, wrong types, inverted or non-finite boxes, empty captions, control characters, no scene, no key frame,
/// two characters with one id, counts beyond those of plan_rules.h. Boxes outside 0..1 are kept as they are (generation
/// clips them).
Plan plan_from_json(const Json& json, const std::string& origin);

/// Reads one entry of `scenes` that stands alone; pointers count from it. With the `text` it was parsed from, faults carry
/// their line too. Throws as `plan_from_json`.
Scene scene_from_json(const Json& json, const std::string& origin, std::string_view text = {});

/// The same as `plan_from_json` from the text of a file: faults carry their line too, and bad JSON is a refused plan; a text that was cut off
/// says inside which scene. Throws Error(plan_refused).
Plan parse_plan_json(std::string_view text, const std::string& origin);

/// A plan in our JSON form; `plan_from_json` gives the same plan back.
Json plan_to_json(const Plan& plan);

/// `plan_to_json` as text for a file that people edit: two blanks a level, one region a line where it fits 160 columns.
/// The same plan always gives the same bytes, and reading and writing them again changes nothing.
std::string format_plan_json(const Plan& plan);

}  // namespace dreamrunner
