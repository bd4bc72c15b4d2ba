#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "film/prior_provider.h"

namespace dreamrunner {

/// What `learn_film` is asked for.
struct LearnFilmRequest {
  std::filesystem::path film;            ///< The folder, or its film.toml.
  SettingOverrides overrides;
  std::vector<std::string> motions;      ///< Ids; with none of either kind, all that the film wants.
  std::vector<std::string> characters;
  bool strict = false;                   ///< Refuse when something that the plan wants cannot be learnt.
  ProvideOptions options;
};

struct LearnFilmResult {
  std::filesystem::path folder;
  std::filesystem::path library;
  std::vector<PriorOutcome> priors;
  std::vector<std::string> missing;      ///< In words.
  double total_s = 0;
};

/// Learns a film's priors: of every character with pictures, of every motion that a region wants and that has clips; or those
/// named, wanted or not. Plans the film first where its plan is missing or stale.
/// Throws what `open_film` and `PriorProvider::provide` throw; Error(usage) for a character that film.toml does not have;
/// Error(input_file) for one named that has nothing to learn from, when there is nothing at all, and with `strict` when
/// anything is missing. The film's folder is untouched by those.
LearnFilmResult learn_film(const LearnFilmRequest& request, const EngineOpener& engine, RunContext& run);

/// With `strict`, Error(input_file) when `missing` has lines.
void refuse_missing(const std::filesystem::path& film, const std::vector<std::string>& missing, bool strict);

}  // namespace dreamrunner
