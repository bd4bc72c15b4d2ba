#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "film/film_settings.h"
#include "stages/priors.h"

namespace dreamrunner {

/// The pictures of a character with what each shows. Patterns (`*`, `?`, `[...]` in the last part of a path) give files in
/// the order of their names; `.txt` and `.json` files are not taken for pictures. A picture's caption is its entry in
/// `captions`, else what `NAME.txt` beside it says, else "a TOKEN NAME". Empty where no pattern matches.
/// Throws Error(input_file) for a picture named without a pattern that is not there and for a caption file that cannot be
/// read; Error(usage) for captions that are not as many as pictures, for a character without a token, and for a caption
/// that lacks the token, naming the picture.
std::vector<PriorExample> character_pictures(const FilmCharacter& entry, const std::filesystem::path& film);

/// The files that `pattern`, seen from `folder`, stands for, in the order of their names; itself where it is no pattern.
std::vector<std::filesystem::path> matching_files(const std::filesystem::path& folder, const std::string& pattern);

}  // namespace dreamrunner
