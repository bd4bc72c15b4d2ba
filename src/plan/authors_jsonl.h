#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "story/plan_types.h"

namespace dreamrunner {

/// True if `text` begins like the file format of the plans that the authors of DreamRunner released: a list that begins
/// with a text.
bool looks_like_authors_jsonl(std::string_view text);

/// Reads one line of that format, `["0001.mp4", "\"Background:...\nFrame_1: ...\""]`: the name of a video and the text
/// of a frame plan inside a pair of quotation marks. `number` is the line's, from 1. Throws Error(plan_refused) with line
/// and column in the file.
Scene parse_authors_line(std::string_view line, size_t number, const std::string& origin);

}  // namespace dreamrunner
