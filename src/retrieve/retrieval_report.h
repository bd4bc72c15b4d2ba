#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"
#include "base/run_context.h"
#include "media/frames.h"
#include "retrieve/retrieval.h"

namespace dreamrunner {

/// A caption of a catalogue as clips.json has it: one line of at most 16 KiB, breaks and control characters made blanks.
std::string listed_caption(const std::string& caption);

/// A kept clip as clips.json lists it: `path` (seen from `folder`, where it lies in `film`, else absolute), `caption`, `start`, `end`, `crop`,
/// and for people `id`, `bm25`, `clip`, `viclip`, `score`.
Json clip_entry(const Candidate& candidate, const std::filesystem::path& folder, const std::filesystem::path& film);

/// Every candidate with its numbers and the step that dropped it (docs/retrieval.md), without what only the film knows.
Json report_of(const Retrieval& retrieval);

/// The kept clips (200 at most) and the best of those dropped, four frames of each with the numbers: a person sees at a glance whether the
/// retrieval is good. A clip that cannot be read is shown without pictures. Reports progress. Throws Error(interrupted).
Picture draw_retrieval(const Retrieval& retrieval, const RunContext& run);

}  // namespace dreamrunner
