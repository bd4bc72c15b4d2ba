#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/run_context.h"
#include "catalogue/analyzer.h"
#include "catalogue/caption_source.h"

namespace dreamrunner {

/// What to add to a catalogue.
struct AddRequest {
  std::filesystem::path folder;  ///< Of the catalogue; made when it is not there.
  std::filesystem::path from;    ///< A list, or a folder of videos.
  CaptionFormat format = CaptionFormat::automatic;
  std::filesystem::path videos;  ///< Where the videos lie or will lie; empty: the folder that holds the list.
  std::optional<AnalyzerKind> analyzer;  ///< For a new catalogue, plain by default; one that is there must have the same.
  bool allow_bad_rows = false;   ///< Goes on when more than 1 % of the rows are bad.

  // Set by tests only.
  uint64_t rows_per_segment = uint64_t{1} << 21;
  size_t index_memory_bytes = size_t{64} << 20;
  std::function<void(std::string_view step)> before_step;  ///< Called before each step that changes the disk.
};

/// What became of the rows of a list.
struct AddReport {
  CaptionFormat format = CaptionFormat::automatic;
  uint64_t rows = 0;   ///< In the list.
  uint64_t added = 0;
  uint64_t known = 0;  ///< Already in the catalogue, or twice in the list: same video, span and caption.
  uint64_t bad = 0;
  std::vector<std::string> faults;  ///< The first 20 bad rows: "FILE:LINE: what is wrong".
  uint64_t without_words = 0;       ///< Of the added: captions that no query finds.
};

/// Adds the clips of a list: all of them become visible at once, when the last is on the disk, or, after an error, a stop or
/// a crash at any instant, none. Rows that are there already are not added again, removed ones are. Bad rows are noted as
/// they are met, skipped and counted. Memory stays bounded: about 250 MB however long the list is.
///
/// Throws Error(input_file) when the list cannot be read or more than 1 % of its rows are bad, Error(usage) for another
/// analyzer than the catalogue's, Error(busy) while another process changes it, Error(storage).
AddReport add_clips(const AddRequest& request, RunContext& run);

/// Removes the clips with these ids: no query finds them from now on. Their words still count in the statistics. Returns how
/// many clips were removed. Throws Error(input_file) for an id that no clip has, and removes nothing then.
uint64_t remove_clips(const std::filesystem::path& folder, const std::vector<std::string>& ids);

}  // namespace dreamrunner
