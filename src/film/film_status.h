#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "film/film_settings.h"
#include "film/freshness.h"

namespace dreamrunner {

/// One artefact and how it stands.
struct ArtefactStatus {
  std::string name;  ///< Relative to the film folder, such as "scenes/01/scene.mp4".
  Verdict verdict;
};

/// Every artefact of a film in the order in which `make_film` makes them. Takes no lock and writes nothing, so it may run
/// beside a run and on a folder that cannot be written.
struct FilmStatus {
  std::vector<ArtefactStatus> artefacts;
  std::vector<std::string> notes;  ///< About the journal; see `Journal::notes`.
  bool fresh() const;
};

/// Throws what `open_film` and `judge` throw.
FilmStatus film_status(const std::filesystem::path& film, const SettingOverrides& overrides = {});

}  // namespace dreamrunner
