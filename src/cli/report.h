#pragma once

#include <string>

#include "base/json.h"

namespace dreamrunner {

/// Lays a report out for people: a name and its value a line, values in a column; a small object on the line of its name, a
/// large one indented below it; a list of plain values on one line with commas, a list of objects one a line. The names tell
/// units: `..._bytes` and `..._s` are shown as sizes and times, other whole numbers with commas, underscores as blanks. Text
/// is made safe to print.
std::string render_report(const Json& report);

}  // namespace dreamrunner
