#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "film/motion_retriever.h"

namespace dreamrunner {

/// What `retrieve_film` is asked for.
struct RetrieveFilmRequest {
  std::filesystem::path film;        ///< The folder, or its film.toml.
  SettingOverrides overrides;
  std::vector<std::string> motions;  ///< Ids, wanted by the plan or not; empty: all that the film wants.
  bool force = false;                ///< Retrieve anew what is fresh, edited or written by hand.
};

struct RetrieveFilmResult {
  std::filesystem::path folder;
  std::filesystem::path catalogue;
  std::vector<MotionOutcome> motions;
  double total_s = 0;
};

/// Retrieves the clips of a film's motions (docs/retrieval.md): of those that regions want, the model does not know, and no
/// prior of a person's own is there for; or of those named. Plans the film first where its plan is missing or stale.
/// Throws what `open_film` and `MotionRetriever` throw; Error(usage) where the film has no catalogue or `use` is off;
/// Error(busy).
RetrieveFilmResult retrieve_film(const RetrieveFilmRequest& request, const EngineOpener& engine, RunContext& run);

/// A clip that a motion would need and whose video is not there.
struct WantedVideo {
  std::string motion;  ///< Id.
  Candidate clip;
};

/// What `retrieve --missing` tells: for each motion, the clips that its captions ask for and whose videos are not there, by
/// rank. No model is opened. Throws as `retrieve_film`.
std::vector<WantedVideo> wanted_videos(const RetrieveFilmRequest& request, RunContext& run);

/// A motion's id, and how its clips stand.
using MotionStanding = std::pair<std::string, ClipsStanding>;

/// How the clips of all motions stand that a film needs clips of; empty for a film without catalogue, or where nothing is
/// retrieved. Writes nothing and opens no model.
std::vector<MotionStanding> clip_standings(FilmProject& film);

/// What `make_film` does before it looks for what priors are learnt from: retrieves what the scenes `first` to `last` want and
/// is missing or stale. Nothing is done for a film without catalogue. Locks the folder only where there is something to do.
std::vector<MotionOutcome> retrieve_if_needed(FilmProject& film, int first, int last, const EngineOpener& engine, RunContext& run);

}  // namespace dreamrunner
