#include "film/setting_checks.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

/// Levenshtein distance, one row of the table at a time.
size_t letter_changes(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

int64_t checked_whole(const std::string& where, int64_t value, WholeRange range) {
  if (value >= range.least && value <= range.most) return value;
  throw Error(ErrorKind::usage, fmt::format("{}: found {}, {} to {} expected", where, value, range.least, range.most),
              fmt::format("the nearest that works is {}", std::clamp(value, range.least, range.most)));
}

double checked_number(const std::string& where, double value, double least, double most) {
  if (value >= least && value <= most) return value;  // False for NaN.
  const std::string message = fmt::format("{}: found {}, {} to {} expected", where, value, least, most);
  if (std::isnan(value)) throw Error(ErrorKind::usage, message);
  throw Error(ErrorKind::usage, message, fmt::format("the nearest that works is {}", std::clamp(value, least, most)));
}

std::string checked_choice(const std::string& where, const std::string& value, std::span<const std::string_view> choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
  const std::string near = nearest_word(value, choices);
  throw Error(ErrorKind::usage, fmt::format("{}: found \"{}\", one of {} expected", where, value, fmt::join(choices, ", ")),
              near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
}

void check_id(const std::string& where, const std::string& id) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  if (!id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), allowed)) return;
  throw Error(ErrorKind::usage, fmt::format("{}: found \"{}\", 1 to 64 of a-z, 0-9, - and _ expected", where, id));
}

std::string nearest_word(const std::string& word, std::span<const std::string_view> known) {
  std::string best;
  size_t best_changes = SIZE_MAX;
  for (const std::string_view candidate : known) {
    const size_t changes = letter_changes(word, candidate);
    if (changes < best_changes) {
      best_changes = changes;
      best = candidate;
    }
  }
  return best_changes <= std::max<size_t>(2, best.size() / 3) ? best : "";
}

}  // namespace dreamrunner
