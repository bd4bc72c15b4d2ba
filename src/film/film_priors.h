#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "film/file_hashes.h"
#include "film/film_settings.h"
#include "stages/priors.h"
#include "story/plan_types.h"

namespace dreamrunner {

/// A prior of a film: what it is learnt from and how, or the file that a person put in its place.
struct FilmPrior {
  PriorKind kind = PriorKind::motion;
  std::string id;                      ///< Of the motion or the character.
  std::string name;                    ///< The motion in words, or the character's token.
  std::vector<PriorExample> examples;  ///< Empty with a file of a person's own.
  PriorRecipe recipe;
  std::filesystem::path own_file;      ///< A LoRA that lies where the link to the library would; empty: there is none.
  std::string other_base;              ///< "learnt on A, not on B", where an own file says that it is not of the film's model.
  Json inputs;                         ///< What decides the prior, by name; its key in the library is `key_of` these.
  std::string hash;                    ///< The key, or the own file's SHA-256.
  double weight = 1;

  bool is_own() const { return !own_file.empty(); }
  std::string label() const;      ///< "motion cartwheeling", "character witch".
  std::string link_name() const;  ///< Within the film: "motions/cartwheeling/prior.safetensors".
};

/// Kind and id.
using PriorId = std::pair<PriorKind, std::string>;

/// A prior that the plan would want and that cannot be: nothing to learn it from.
struct MissingPrior {
  PriorId id;
  std::string reason;  ///< "no clips in motions/bowing/clips.json"
};

/// All priors of a film, and what is missing.
struct FilmPriors {
  std::vector<FilmPrior> all;
  std::vector<MissingPrior> missing;
  const FilmPrior* find(const PriorId& id) const;
};

/// A prior and the regions of a scene that want it.
struct SceneBinding {
  const FilmPrior* prior = nullptr;
  std::vector<RegionPlace> places;
};

/// Finds what the film's priors are learnt from: pictures of its characters, clips of the motions that regions want. Reads
/// and hashes all of it and learns nothing. Motions that the model or film.toml say the model knows are never missing; nor
/// are characters without a token, whom no prior could be called up for.
class PriorGatherer {
 public:
  /// `fingerprint` is the model's digest, `hashes` knows those of large files. Keeps references. Throws what
  /// `load_model_priors` throws.
  PriorGatherer(const std::filesystem::path& film, const FilmSettings& settings, const std::string& fingerprint, FileHashes& hashes);

  /// Throws what `load_motion_clips`, `character_pictures` and `prior_choices` throw; Error(usage) for a weight of something
  /// that the film does not have, and for a character whose token in film.toml is not the plan's.
  FilmPriors gather(const Plan& plan) const;

  /// One motion's prior, whether or not a region wants it; a reason instead of one where there is nothing to learn from.
  std::optional<FilmPrior> motion(const std::string& id, std::string& why_not) const;
  std::optional<FilmPrior> subject(const FilmCharacter& entry, std::string& why_not) const;

 private:
  std::optional<FilmPrior> own_file(FilmPrior prior) const;
  FilmPrior finished(FilmPrior prior) const;
  void check_weights(const Plan& plan) const;
  void check_known_motions(const Plan& plan) const;

  const std::filesystem::path& film_;
  const FilmSettings& settings_;
  const std::string& fingerprint_;
  FileHashes& hashes_;
  ModelPriors model_;
};

/// True where a person put a LoRA of their own in the place of the link to the library.
bool has_own_prior(const std::filesystem::path& film, const PriorId& id);

/// The plan with what priors need: every motion listed, and film.toml's characters among the plan's.
void complete_for_priors(Plan& plan, const FilmSettings& settings);

/// What the regions of `scene` want, learnt or not.
std::set<PriorId> wanted_in(const Plan& plan, const Scene& scene);

/// The priors that act in `scene`, each with its regions, in the order of `priors.all`. Those with weight 0 do not act.
std::vector<SceneBinding> scene_bindings(const FilmPriors& priors, const Plan& plan, const Scene& scene);

/// Own files among the priors that act in `scene` that were learnt on another model, in words, one line each.
std::vector<std::string> foreign_in_words(const FilmPriors& priors, const Plan& plan, const Scene& scene);

/// The characters that `scene` does not call by their token although what was learnt of them acts in it, in words, one line
/// each with the first such caption.
std::vector<std::string> uncalled_in_words(const FilmPriors& priors, const Plan& plan, const Scene& scene);

/// Those of `missing` that `wanted` has, in words, one line for all motions and one for each character; empty when nothing
/// is missing.
std::vector<std::string> missing_in_words(const FilmPriors& priors, const std::set<PriorId>& wanted);

}  // namespace dreamrunner
