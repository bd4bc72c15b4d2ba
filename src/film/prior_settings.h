#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "film/prior_recipe.h"
#include "film/toml_table.h"

namespace dreamrunner {

/// `[priors]` of film.toml, and what the command line says over it. Changes of a recipe are objects of values by name, each
/// checked where it was read; "preset" is one of the names.
struct PriorSettings {
  bool use = true;                          ///< False: scenes are made by the model alone.
  std::string library;                      ///< Folder of learnt priors, seen from the film; empty: the user's own.
  int64_t seed = 0;                         ///< Of learning; not the film's, so that films share what is learnt.
  std::vector<std::string> known_motions;   ///< Ids of motions that need no prior.
  std::map<std::string, double> weights;    ///< By the id of a character or motion; 1 where nothing is said, 0 leaves it out.
  Json both = Json::object();               ///< Changes for both kinds.
  Json motion = Json::object();
  Json subject = Json::object();
  Json command_line = Json::object();
};

/// What a model folder says about priors in its `priors.json`; without that file nothing.
struct ModelPriors {
  std::vector<std::string> knows;  ///< Ids of motions the model was trained on.
  Json motion = Json::object();    ///< Changes of the recipe, as in film.toml.
  Json subject = Json::object();
};

/// Whether a motion needs no prior: the model was trained on it, or the film says so.
bool is_known_motion(const ModelPriors& model, const PriorSettings& settings, const std::string& id);

/// Throws Error(usage) with file, line and key.
PriorSettings read_prior_settings(const toml::table& section, const std::string& file);

/// Throws Error(input_file) naming the file and the key.
ModelPriors load_model_priors(const std::filesystem::path& model_folder);

/// The recipe of a film's priors of one kind: the default, the model folder's, the preset's (over the model folder's), then
/// film.toml's `[priors]`, its `[priors.motion]` or `[priors.subject]`, and the command line's, each over the one before.
PriorChoices prior_choices(PriorKind kind, const ModelPriors& model, const PriorSettings& settings);

/// `ID=W` of the command line. Throws Error(usage) starting with `where`.
std::pair<std::string, double> parse_prior_weight(const std::string& text, const std::string& where);

}  // namespace dreamrunner
