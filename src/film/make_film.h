#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/run_context.h"
#include "film/film_settings.h"
#include "film/prior_provider.h"
#include "film/retrieve_film.h"
#include "stages/stages.h"

namespace dreamrunner {

/// What `make_film` is asked for.
struct MakeRequest {
  std::filesystem::path film;   ///< The folder, or its film.toml.
  SettingOverrides overrides;
  std::optional<int> scene;     ///< Only this scene, counted from 1; then nothing is joined.
  bool strict = false;          ///< Refuse when a prior that the plan wants cannot be learnt, or an own file was learnt on another model.
  bool wait = true;             ///< For another run that learns the same prior; else Error(busy).
};

/// What was done for a scene. What was not done was fresh already.
struct SceneOutcome {
  int scene = 0;
  bool denoised = false;
  bool video = false;
  bool sheet = false;
  double denoise_s = 0;
  double decode_s = 0;  ///< Writing video and sheet included.
  bool nothing() const { return !denoised && !video && !sheet; }
};

/// What a run did.
struct MakeResult {
  std::filesystem::path folder;
  std::vector<MotionOutcome> motions;     ///< Those whose clips were retrieved.
  std::vector<PriorOutcome> priors;       ///< Those that scenes to be denoised wanted.
  std::vector<SceneOutcome> scenes;
  bool joined = false;                    ///< film.mp4 was written.
  std::filesystem::path film;             ///< film.mp4; empty when one scene was asked for.
  std::optional<SceneFormat> format;      ///< As the engine settled it; empty when it was not needed.
  double total_s = 0;
};

/// Plans the film first where its plan is missing or stale (`plan_if_needed`), retrieves the clips that its motions lack
/// (`retrieve_if_needed`), says what no prior can be learnt for, and
/// learns the priors that scenes to be denoised want and the library lacks. Then makes what is missing, stale or damaged
/// and leaves the rest alone, scene by scene: latents, then video and contact sheet, at last film.mp4. Each artefact is
/// complete on the disk and recorded before the next one begins, so a run may be stopped or killed at any instant and the
/// next one goes on from there to the same bytes. A damaged artefact is kept as NAME.bad. A film that is fresh is told from
/// its records; the engine is not opened.
/// Throws what `plan_film` and `open_film` throw, with the folder untouched, as by Error(input_file) with `strict`; Error(usage) for a scene that the plan does not have;
/// Error(busy), Error(storage), Error(interrupted), and what the engine throws.
MakeResult make_film(const MakeRequest& request, const EngineOpener& engine, RunContext& run);

}  // namespace dreamrunner
