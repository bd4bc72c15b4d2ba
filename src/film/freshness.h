#pragma once

#include <string>

#include "base/json.h"
#include "film/film_project.h"
#include "film/records.h"

namespace dreamrunner {

/// How an artefact stands to what is asked for now.
enum class Freshness {
  fresh,    ///< Its record's key is the one wanted and its bytes are those of the record.
  missing,  ///< There is no file.
  stale,    ///< Something that decides it changed, or nothing is known of how it was made.
  damaged,  ///< The bytes are not those of its record.
};

/// The word for a person: "fresh", "missing", "stale" or "damaged".
const char* freshness_name(Freshness freshness);

/// Which inputs of a record differ from those wanted, short values with their before and after: "steps was 50, is 20".
std::string what_changed(const Json& recorded, const Json& wanted);

/// A judgement and its reason in words; empty when fresh.
struct Verdict {
  Freshness freshness = Freshness::missing;
  std::string reason;
  bool fresh() const { return freshness == Freshness::fresh; }
};

/// Judges the artefact called `name` against the inputs wanted now; reads the whole file when its record is the right one.
/// Throws Error(storage).
Verdict judge(const FilmFolder& folder, const Journal& journal, const std::string& name, const Json& wanted);

/// How the file of an artefact differs from what its record says of it, in words; empty where it does not, or where one of the
/// two is missing. Throws Error(storage).
std::string difference_from_record(const FilmFolder& folder, const Journal& journal, const std::string& name);

/// All of a scene. Where the latents are not fresh, nothing that is made from them is.
struct SceneVerdict {
  Verdict latents;
  Verdict video;
  Verdict sheet;
  bool fresh() const { return latents.fresh() && video.fresh() && sheet.fresh(); }
};
SceneVerdict judge_scene(const FilmProject& film, const Journal& journal, int scene);

/// The joined film; stale when a scene's video has no record.
Verdict judge_film(const FilmProject& film, const Journal& journal);

/// The SHA-256 in the record of `name`. Throws Error(bug) without one.
std::string recorded_sha256(const Journal& journal, const std::string& name);

}  // namespace dreamrunner
