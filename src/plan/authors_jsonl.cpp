#include "plan/authors_jsonl.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.h"
#include "plan/plan_text.h"
#include "story/plan_rules.h"
#include "text/plain_text.h"

namespace dreamrunner {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

/// The offset in `line` of the byte `offset` of the text that the JSON string at `begin` (its opening quotation mark)
/// spells.
size_t offset_in_line(std::string_view line, size_t begin, size_t offset) {
  size_t at = begin + 1;
  for (size_t decoded = 0; at < line.size() && line[at] != '"';) {
    size_t spelled = 1;
    size_t bytes = 1;
    if (line[at] == '\\') {
      spelled = 2;
      if (line.substr(at, 2) == "\\u") {
        const Json point = Json::parse(fmt::format("\"{}\"", line.substr(at, 6)), nullptr, false);
        // Half a surrogate pair does not parse by itself; the pair is 12 characters for 4 bytes.
        spelled = point.is_string() ? 6 : 12;
        bytes = point.is_string() ? point.get_ref<const std::string&>().size() : 4;
      }
    }
    if (decoded + bytes > offset) return at;
    decoded += bytes;
    at += spelled;
  }
  return std::min(at, line.size());
}

/// Where the second string of a line begins that is known to hold a list of two strings.
size_t second_string(std::string_view line) {
  size_t at = line.find('"') + 1;
  while (line[at] != '"') at += line[at] == '\\' ? 2 : 1;
  return line.find('"', at + 1);
}

}  // namespace

bool looks_like_authors_jsonl(std::string_view text) {
  text = without_byte_order_mark(text);
  const size_t bracket = text.find_first_not_of(kBlanks);
  if (bracket == std::string_view::npos || text[bracket] != '[') return false;
  const size_t quote = text.find_first_not_of(kBlanks, bracket + 1);
  return quote != std::string_view::npos && text[quote] == '"';
}

Scene parse_authors_line(std::string_view line, size_t number, const std::string& origin) {
  if (number == 1) line = without_byte_order_mark(line);
  Json json;
  try {
    json = parse_json(line, origin);
  } catch (const Error&) {
    // Once more with the lines before it, so that the message names the right one.
    try {
      parse_json(std::string(number - 1, '\n').append(line), origin);
    } catch (const Error& error) {
      throw Error(ErrorKind::plan_refused, error.what(), error.hint());
    }
    throw;
  }
  if (!json.is_array() || json.size() != 2 || !json[0].is_string() || !json[1].is_string()) {
    throw Error(ErrorKind::plan_refused, fmt::format("{}:{}: found {}, expected a list of two texts, the name of a video and a plan", origin, number,
                                                     json.is_array() ? fmt::format("a list of {}", json.size()) : std::string(json.type_name())));
  }
  PlanTextResult result = read_plan_text(json[1].get_ref<const std::string&>());
  if (result.faults.empty()) return std::move(result.scene);
  Faults faults;
  const size_t begin = second_string(line);
  for (const PlanTextFault& fault : result.faults) {
    const std::string row = line_and_column(line, offset_in_line(line, begin, fault.offset));
    faults.add(fmt::format("{}:{}", number, row.substr(row.find(':') + 1)), fault.what);
  }
  throw faults.error(origin);
}

}  // namespace dreamrunner
