#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "film/toml_table.h"
#include "retrieve/retrieval.h"

namespace dreamrunner {

/// `[library]` of film.toml: where clips of motions come from, and how they are chosen.
struct LibrarySettings {
  bool use = true;       ///< False: nothing is retrieved and no motion has a prior (the paper's Table 2).
  std::string path;      ///< Folder of a catalogue, seen from the film; empty: the model's own, where it has one.
  std::string scorers;   ///< Folder with `clip`, `viclip` and `yolov5`, seen from the film; empty: the model's.
  RetrievalSettings retrieval;
};

/// What the command line may say over it.
struct LibraryOverrides {
  bool no_rag = false;
  std::optional<std::string> path;     ///< Seen from where the user is, like the next.
  std::optional<std::string> scorers;
  std::optional<std::string> subject;
  std::optional<std::string> cut;
  std::optional<int64_t> top;
  std::optional<int64_t> max_clips;
  std::optional<double> threshold;
  bool no_clip_filter = false;
};

/// Throws Error(usage) with file, line and key.
LibrarySettings read_library_settings(const toml::table& section, const std::string& file);

/// Throws Error(usage) naming the option.
void apply_overrides(LibrarySettings& settings, const LibraryOverrides& overrides);

}  // namespace dreamrunner
