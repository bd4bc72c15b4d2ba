#pragma once

#include <string_view>

namespace dreamrunner {

/// What a text about a film is written as.
enum class PlanFormKind {
  plan,           ///< Our JSON (docs/plans.md), with a schema.
  authors_jsonl,  ///< The released plans: JSON Lines.
  story,          ///< What happens: a script, or a model's reply in JSON.
  scene,          ///< What is where in one scene: the text of a frame plan, or a model's reply in JSON.
};

struct PlanForm {
  PlanFormKind kind;
  bool begins_with_brace;  ///< As JSON does: a plan file that begins so is read as nothing else.
  std::string_view text;   ///< Without a byte order mark.
};

/// Tells the forms apart by what is there; the text may have faults in any of them.
PlanForm plan_form(std::string_view text);

}  // namespace dreamrunner
