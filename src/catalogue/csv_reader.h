#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dreamrunner {

/// Reads comma-separated values as RFC 4180 has them, row by row: a value in double quotes may hold separators, line breaks
/// and doubled quotes; rows end with LF or CRLF, the last one with the text. A quote inside a value that is not quoted stands
/// for itself. Blank lines are no rows.
class CsvReader {
 public:
  /// `text` must outlive the reader. A byte-order mark in front is passed over.
  CsvReader(std::string_view text, char separator, size_t most_row_bytes);

  /// The next row; false at the end. Throws Error(input_file), without a place, for a row that cannot be read; the next call
  /// goes on with the line behind the one where that row began, so that one open quote does not cost the rest.
  bool next(std::vector<std::string>& values);

  /// The line, from 1, where the row that was read or refused last begins.
  uint64_t line() const { return line_; }
  /// Bytes read so far.
  size_t position() const { return at_; }

  /// Whichever of comma, semicolon and tab the first line has most of, outside quotes.
  static char guess_separator(std::string_view text);

 private:
  [[noreturn]] void refuse(const std::string& reason);

  std::string_view text_;
  char separator_;
  size_t most_row_bytes_;
  size_t at_ = 0;
  size_t begin_ = 0;       ///< Of the row at hand.
  uint64_t line_ = 0;
  uint64_t next_line_ = 1;
};

}  // namespace dreamrunner
