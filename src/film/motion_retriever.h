#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/run_context.h"
#include "film/file_hashes.h"
#include "film/film_project.h"
#include "film/prior_provider.h"
#include "film/retrieved_motion.h"
#include "retrieve/feature_cache.h"
#include "retrieve/retrieval.h"

namespace dreamrunner {

/// How a motion's clips.json stands.
enum class ClipsStanding {
  missing,  ///< Nothing was retrieved yet.
  fresh,    ///< As it was retrieved, or with clips taken out by hand.
  stale,    ///< As it was retrieved, but catalogue, settings or models are others by now, or videos came, changed or went; or a run was
             ///< killed while it replaced the list.
  by_hand,  ///< Nobody retrieved it: a person wrote it.
  edited,   ///< Retrieved, then changed by a person beyond taking clips out.
};

/// "missing", "fresh", "stale", "by hand", "edited".
const char* clips_standing_name(ClipsStanding standing);

/// What was done for a motion.
struct MotionOutcome {
  std::string id;
  std::string motion;                 ///< In words.
  ClipsStanding before = ClipsStanding::missing;
  bool retrieved = false;             ///< Else clips.json is as it was.
  std::filesystem::path folder;       ///< With clips.json, report.json and sheet.png.
  size_t kept = 0;                    ///< Clips in clips.json.
  std::map<ClipFate, int> fates;      ///< Of the candidates, where it was retrieved.
  std::vector<std::string> notes;
  double seconds = 0;
};

/// The catalogue that a film's clips come from and the models that look at them.
struct ClipSource {
  std::filesystem::path catalogue;
  std::filesystem::path clip, viclip, yolov5;  ///< Folders; empty: not there.
};

/// What film.toml names, else what the model has; nothing where there is no catalogue (or where the model's own catalogue
/// has no models to look with). Throws Error(input_file) for a folder that film.toml names and that is not there.
std::optional<ClipSource> find_clip_source(const FilmProject& film);

/// Retrieves the clips of a film's motions, one after the other. The film's folder is locked by the caller.
class MotionRetriever {
 public:
  /// Keeps references. Throws Error(input_file) for a catalogue or a model that cannot be read.
  MotionRetriever(FilmProject& film, const ClipSource& source, const EngineOpener& engine, RunContext& run);
  ~MotionRetriever();

  /// Looks, and writes nothing. Throws Error(input_file) for a clips.json or report.json that cannot be read.
  ClipsStanding judge(const std::string& id) const;

  /// Retrieves what is missing or stale, and with `force` whatever stands there. Each motion's clips.json, report.json and
  /// sheet.png appear complete; clips that a person took out stay out. Throws Error(usage) where settings ask for models that are
  /// not there, Error(interrupted), Error(storage), what `judge` throws and what the engine throws.
  MotionOutcome provide(const std::string& id, bool force);

 private:
  std::filesystem::path folder_of(const std::string& id) const;
  ClipsStanding standing(const std::string& id, const RetrievedMotion& found) const;
  Json inputs_of(const std::string& id, const Json& removed) const;
  void write(const std::string& id, const Retrieval& retrieval, const Json& inputs, const Json& removed) const;
  Scorers& scorers();
  Retriever& retriever();

  FilmProject& film_;
  ClipSource source_;
  const EngineOpener& engine_;
  RunContext& run_;
  RetrievalSettings settings_;
  std::string catalogue_print_;  ///< Taken before it is opened: what is added in between makes the answer stale, not fresh.
  Catalogue catalogue_;
  ScoringModels models_;
  std::unique_ptr<Scorers> scorers_;
  std::unique_ptr<FeatureCache> cache_;  ///< These two from the first motion to retrieve on: to judge needs neither.
  std::unique_ptr<Retriever> retriever_;
};

}  // namespace dreamrunner
