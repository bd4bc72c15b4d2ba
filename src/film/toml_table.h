#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <toml++/toml.h>

#include "base/json.h"
#include "film/setting_checks.h"

namespace dreamrunner {

/// Parses `text`. Throws Error(input_file) with line and column when it is not TOML, Error(usage) for a whole number that
/// 64 bits cannot hold (a seed that is too large, as a person sees it).
toml::table parse_toml(const std::string& text, const std::string& file);

/// Takes typed, checked values out of one table of film.toml and remembers which keys were asked for, so that `finish` can
/// refuse the rest. Every value is optional; every Error(usage) names file, line and key.
class TableReader {
 public:
  /// `section` is the table's name, empty for the top of the file.
  TableReader(const toml::table& table, std::string file, std::string section);

  std::optional<std::string> text(const std::string& key);
  /// A text that names a file or folder; `~/` is the home folder.
  std::optional<std::string> path(const std::string& key);
  std::optional<std::string> choice(const std::string& key, std::span<const std::string_view> choices);
  std::optional<int64_t> whole(const std::string& key, WholeRange range);
  /// Whole numbers are numbers too.
  std::optional<double> number(const std::string& key, double least, double most);
  std::optional<bool> flag(const std::string& key);
  /// A text, number or truth value of whatever kind, for a caller who knows what may stand there.
  std::optional<Json> value(const std::string& key);
  /// A text or a list of texts.
  std::vector<std::string> texts(const std::string& key);
  const toml::table* table(const std::string& key);
  /// The tables of `[[key]]`.
  std::vector<const toml::table*> tables(const std::string& key);

  /// "FILE:LINE: SECTION.KEY", for messages about the value of `key`.
  std::string where(const std::string& key) const;

  /// Throws Error(usage) for the first key that nobody asked for, with the nearest known one or the section it belongs to.
  void finish() const;

 private:
  const toml::node* take(const std::string& key);
  const std::string& without_nul(const std::string& key, const std::string& text) const;
  [[noreturn]] void wrong_type(const std::string& key, const char* expected) const;

  const toml::table& table_;
  std::string file_;
  std::string section_;
  std::set<std::string> known_;
};

}  // namespace dreamrunner
