#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "stages/priors.h"

namespace dreamrunner {

/// What a `clips.json` lists.
struct MotionClips {
  std::string motion;                ///< In words; the id with blanks for dashes where the file does not say it.
  std::vector<PriorExample> clips;   ///< In the file's order, best first; paths are absolute.
};

/// Reads the clips of motion `id`, whoever wrote them: a person or the retrieval. Paths are seen from the file's folder, and
/// where nothing is there, from `film`. Keys that are not known are passed over (docs/film-folder.md lists those that are).
/// Throws Error(input_file) with the file and the place in it: bad JSON, another schema, a motion that is not `id`, a clip
/// without path or caption, a time or a crop that cannot be, a file that is not there.
MotionClips load_motion_clips(const std::filesystem::path& file, const std::string& id, const std::filesystem::path& film);

/// A motion's id as words: "picking-up" is "picking up".
std::string motion_in_words(const std::string& id);

/// True for a text that a caption may be: not blank, at most 16,384 bytes of UTF-8, no control characters.
bool is_caption(const std::string& text);

}  // namespace dreamrunner
