#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "film/film_folder.h"
#include "film/film_priors.h"
#include "film/film_settings.h"
#include "stages/stages.h"
#include "story/plan_types.h"

namespace dreamrunner {

/// A film as it is asked for right now: its folder, settings, plan and model. Nothing is written to read it.
struct FilmProject {
  FilmFolder folder;
  FilmSettings settings;  ///< The command line's choices are in; `generate.model` is the folder found.
  Plan plan;              ///< With every motion listed, and film.toml's characters (`complete_for_priors`).
  std::string model_fingerprint;
  FilmPriors priors;      ///< Empty where they are switched off.
  FileHashes hashes;      ///< Of what priors are learnt from; a run that holds the folder saves them.

  /// film.toml's title, else the plan's, else the folder's name.
  std::string title() const;
  int scene_count() const { return static_cast<int>(plan.scenes.size()); }
  /// Scenes count from 1.
  const Scene& scene(int number) const { return plan.scenes.at(static_cast<size_t>(number - 1)); }
  /// The scene's own seed, else the film's plus number - 1, so that neighbours do not start from the same noise.
  int64_t seed(int number) const;
  /// The priors that act in the scene; they point into `priors`.
  std::vector<SceneBinding> bindings(int number) const { return scene_bindings(priors, plan, scene(number)); }
};

/// As `open_film`, but for the priors: what they are learnt from may have to be retrieved first.
FilmProject read_film(const std::filesystem::path& film, const SettingOverrides& overrides, std::optional<int> scene = std::nullopt);

/// Finds what the film's priors are learnt from. Throws what `PriorGatherer` throws.
void gather_priors(FilmProject& film);

/// Reads everything; with `scene`, also makes sure that the plan has it: Error(usage). Throws what `FilmFolder`, `load_film_settings`, `apply_overrides`, `load_plan`, `find_model` and
/// `model_fingerprint` throw.
FilmProject open_film(const std::filesystem::path& film, const SettingOverrides& overrides, std::optional<int> scene = std::nullopt);

/// What decides the bytes of each artefact, by name; a record whose key is `key_of` these is fresh. Where the work is done
/// (`device`) is not among them: the same film on another machine is not a reason to make it again.
/// Narration, the place's name and lists of motions do not reach the pictures and are left out.
Json latents_inputs(const FilmProject& film, int scene);
Json video_inputs(const FilmProject& film, int scene, const std::string& latents_sha256);
Json sheet_inputs(const FilmProject& film, int scene, const std::string& latents_sha256);
/// `videos` are the SHA-256 of the scenes' videos, in order.
Json film_inputs(const FilmProject& film, const std::vector<std::string>& videos);

}  // namespace dreamrunner
