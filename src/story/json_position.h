#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dreamrunner {

/// The line (from 1) where the value at `pointer` (RFC 6901, such as "/scenes/0/background") begins in `text`, or the
/// line of the deepest value on the way to it when it is missing. `text` must be JSON that parses.
size_t line_of_pointer(std::string_view text, std::string_view pointer);

/// The same for many pointers in one walk through the text.
std::vector<size_t> lines_of_pointers(std::string_view text, const std::vector<std::string>& pointers);

/// The pointer of the innermost object or list that is still open where `text`, JSON that was cut off, ends; "" for the
/// outermost one.
std::string pointer_at_end(std::string_view text);

}  // namespace dreamrunner
