#include "film/prior_recipe.h"

#include <array>

#include <fmt/format.h>

#include "base/error.h"
#include "film/setting_checks.h"

namespace dreamrunner {
namespace {

constexpr std::array<std::string_view, 3> kPresets{"paper", "code", "playset"};
constexpr std::array<std::string_view, 6> kBlocks{"auto", "all", "even", "odd", "first-half", "second-half"};
constexpr std::array<std::string_view, 2> kLinears{"all", "paper"};
constexpr std::array<std::string_view, 2> kPrompts{"per-video", "single"};
constexpr std::array<std::string_view, 3> kLossFrames{"first", "random", "all"};
constexpr std::array<std::string_view, 2> kPixelRanges{"symmetric", "official"};
constexpr std::array<std::string_view, 3> kRecompute{"auto", "on", "off"};
constexpr WholeRange kLearningStepsRange{1, 1'000'000};
constexpr WholeRange kRankRange{1, 1024};
constexpr WholeRange kLearningFramesRange{1, 1024};
constexpr WholeRange kClipsRange{1, 1000};

struct NumberRange {
  double least;
  double most;
};

using Names = std::span<const std::string_view>;

/// Calls `visit(name, value, what may stand there)` for every value there is. The one list of them.
template <typename Choices, typename Visit>
void visit_values(Choices& choices, Visit&& visit) {
  auto& recipe = choices.recipe;
  visit("steps", recipe.steps, kLearningStepsRange);
  visit("rank", recipe.rank, kRankRange);
  visit("learning_rate", recipe.learning_rate, NumberRange{1e-9, 1});
  visit("weight_decay", recipe.weight_decay, NumberRange{0, 1});
  visit("dropout", recipe.dropout, NumberRange{0, 0.95});
  visit("blocks", recipe.blocks, Names(kBlocks));
  visit("linears", recipe.linears, Names(kLinears));
  visit("num_frames", recipe.num_frames, kLearningFramesRange);
  visit("prompts", recipe.prompts, Names(kPrompts));
  visit("loss_frames", recipe.loss_frames, Names(kLossFrames));
  visit("debias", recipe.debias);
  visit("debias_beta", recipe.debias_beta, NumberRange{0, 100});
  visit("spatial_loras", recipe.spatial_loras);
  visit("spatial_skip", recipe.spatial_skip, NumberRange{0, 1});
  visit("flip", recipe.flip, NumberRange{0, 1});
  visit("mask_background", recipe.mask_background);
  visit("pixel_range", recipe.pixel_range, Names(kPixelRanges));
  visit("accumulate", recipe.accumulate, WholeRange{1, 1000});
  visit("recompute", recipe.recompute, Names(kRecompute));
  visit("checkpoint_every", recipe.checkpoint_every, kLearningStepsRange);
  visit("max_clips", choices.max_clips, kClipsRange);
}

/// Sets the value called `name`.
struct Setter {
  const std::string& name;
  const Json& value;
  const std::string& where;
  bool found = false;

  [[noreturn]] void wrong_type(const char* expected) const {
    const std::string shown = value.is_string() ? fmt::format("the text {}", value.dump()) : value.is_object() ? "a table" : value.is_array() ? "a list" : value.dump();
    throw Error(ErrorKind::usage, fmt::format("{}: found {}, {} expected", where, shown, expected));
  }
  int whole(WholeRange range) const {
    if (!value.is_number_integer()) wrong_type("a whole number");
    // A number above 2^63 - 1 is unsigned in JSON; any range ends long before.
    if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) return static_cast<int>(checked_whole(where, INT64_MAX, range));
    return static_cast<int>(checked_whole(where, value.get<int64_t>(), range));
  }
  bool is(const char* one) {
    if (name != one) return false;
    found = true;
    return true;
  }

  void operator()(const char* one, int& target, WholeRange range) {
    if (is(one)) target = whole(range);
  }
  void operator()(const char* one, std::optional<int>& target, WholeRange range) {
    if (is(one)) target = whole(range);
  }
  void operator()(const char* one, double& target, NumberRange range) {
    if (!is(one)) return;
    if (!value.is_number()) wrong_type("a number");
    target = checked_number(where, value.get<double>(), range.least, range.most);
  }
  void operator()(const char* one, std::string& target, Names choices) {
    if (!is(one)) return;
    if (!value.is_string()) wrong_type("a text in quotes");
    target = checked_choice(where, value.get<std::string>(), choices);
  }
  void operator()(const char* one, bool& target) {
    if (!is(one)) return;
    if (!value.is_boolean()) wrong_type("true or false");
    target = value.get<bool>();
  }
};

}  // namespace

PriorRecipe default_prior_recipe(PriorKind kind) {
  PriorRecipe recipe;
  // The checkpoints that the authors' own example uses: 120 to 360 of motions, 160 of a character.
  recipe.steps = kind == PriorKind::motion ? 300 : 160;
  return recipe;
}

PriorRecipe prior_recipe(PriorKind kind, const std::string& preset, const std::string& where) {
  checked_choice(where, preset, kPresets);
  PriorRecipe recipe = default_prior_recipe(kind);
  if (preset == "paper") recipe.linears = "paper";
  if (preset == "code") {
    recipe.dropout = 0.1;
    recipe.pixel_range = "official";
    if (kind == PriorKind::subject) {
      recipe.num_frames = 16;
      recipe.loss_frames = "random";
      recipe.checkpoint_every = 20;
    }
  }
  if (preset == "playset") {
    recipe.steps = kind == PriorKind::motion ? 300 : 160;
    recipe.rank = 16;
    recipe.learning_rate = 1e-3;
  }
  return recipe;
}

void set_recipe_value(PriorChoices& choices, const std::string& name, const Json& value, const std::string& where) {
  Setter setter{name, value, where};
  visit_values(choices, setter);
  if (setter.found) return;
  const std::vector<std::string_view> known(recipe_names().begin(), recipe_names().end());
  const std::string near = nearest_word(name, known);
  throw Error(ErrorKind::usage, fmt::format("{}: unknown key", where), near.empty() ? "docs/priors.md lists the keys of a recipe" : fmt::format("did you mean \"{}\"?", near));
}

const std::vector<std::string>& recipe_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    PriorChoices any;
    visit_values(any, [&](const char* name, auto&&...) { list.push_back(name); });
    return list;
  }();
  return names;
}

PriorRecipe effective_recipe(PriorKind kind, PriorRecipe recipe) {
  const PriorRecipe plain;
  if (kind == PriorKind::motion) {
    recipe.loss_frames = plain.loss_frames;
    recipe.mask_background = plain.mask_background;
    if (!recipe.debias) recipe.debias_beta = plain.debias_beta;
    if (!recipe.spatial_loras) recipe.spatial_skip = plain.spatial_skip;
  } else {
    recipe.debias = plain.debias;
    recipe.debias_beta = plain.debias_beta;
    recipe.spatial_loras = plain.spatial_loras;
    recipe.spatial_skip = plain.spatial_skip;
  }
  return recipe;
}

Json deciding_values(PriorKind kind, const PriorRecipe& recipe) {
  const PriorChoices choices{effective_recipe(kind, recipe), std::nullopt};
  Json values = Json::object();
  visit_values(choices, [&](const std::string& name, const auto& value, auto&&...) {
    const bool of_motions = name == "debias" || name == "debias_beta" || name == "spatial_loras" || name == "spatial_skip";
    const bool of_subjects = name == "loss_frames" || name == "mask_background";
    const bool decides = name != "recompute" && name != "checkpoint_every" && name != "max_clips";
    if (!decides || (kind == PriorKind::motion ? of_subjects : of_motions)) return;
    if constexpr (requires { value.has_value(); }) {
      values[name] = value ? Json(*value) : Json(nullptr);
    } else {
      values[name] = value;
    }
  });
  return values;
}

}  // namespace dreamrunner
