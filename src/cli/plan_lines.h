#pragma once

#include <string_view>

#include "cli/session.h"
#include "cli/terminal_text.h"

namespace dreamrunner {

/// Prints each line of `text`, which may hold a plan's own words, made safe for a terminal.
inline void print_lines(std::string_view text, const Session& session) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    session.print(printable(text.substr(0, end)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

}  // namespace dreamrunner
