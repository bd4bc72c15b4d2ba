#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dreamrunner {

/// `text` as valid UTF-8 on one line, for drawing: faulty bytes become U+FFFD, control characters spaces.
std::string printable_utf8(std::string_view text);

/// Breaks text into at most `max_lines` lines no wider than `max_width` by `width_of`: at spaces, and inside a word only
/// when it fills a line by itself. Text that is cut ends with an ellipsis. Runs of spaces become one; empty text gives no
/// line. A line holds at least one character, however narrow.
std::vector<std::string> wrap_text(std::string_view text, double max_width, int max_lines,
                                   const std::function<double(const std::string&)>& width_of);

}  // namespace dreamrunner
