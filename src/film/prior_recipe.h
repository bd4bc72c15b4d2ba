#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "stages/priors.h"

namespace dreamrunner {

/// How a film's priors of one kind are learnt: the recipe, and how much of what there is they are learnt from.
struct PriorChoices {
  PriorRecipe recipe;
  std::optional<int> max_clips;  ///< Only the first so many clips (or pictures); empty: all.
};

/// A recipe by name.
/// "paper": what the paper says, and where it is silent what the authors' code does.
/// "code": the authors' released code with its configuration, oddities that change numbers included (docs/priors.md).
/// "playset": small and quick, for the model that ships with the program.
/// Throws Error(usage), starting with `where`, for any other name.
PriorRecipe prior_recipe(PriorKind kind, const std::string& preset, const std::string& where);

/// Where nothing else is said: "paper" with LoRA on all six linears of a block, as the authors' code has them.
PriorRecipe default_prior_recipe(PriorKind kind);

/// Sets one value by its name in film.toml ("steps", "learning_rate", "max_clips", ...). Throws Error(usage), starting with
/// `where`, for a wrong type, a value out of range (with the nearest that works) and an unknown name.
void set_recipe_value(PriorChoices& choices, const std::string& name, const Json& value, const std::string& where);

/// The names that `set_recipe_value` knows, in the order of the documentation.
const std::vector<std::string>& recipe_names();

/// `recipe` with everything that has no say in a prior of this kind at its default, so that priors which come out alike are
/// asked for alike.
PriorRecipe effective_recipe(PriorKind kind, PriorRecipe recipe);

/// What of a recipe decides a prior, by name: all but `recompute` and `checkpoint_every`, which change time and memory only,
/// and what `effective_recipe` takes out.
Json deciding_values(PriorKind kind, const PriorRecipe& recipe);

}  // namespace dreamrunner
