#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dreamrunner {

/// Stops the reading of a plan text at `offset`; never leaves the room.
struct PlanTextStop {
  size_t offset;
  std::string what;
};

/// `Background:` or `Frame_k:` at the start of a line.
struct PlanLabel {
  size_t begin = 0;   ///< Of the word.
  size_t end = 0;     ///< Behind the colon.
  int frame = 0;      ///< k, 0 for the background, -1 for a number that no frame has.
  bool colon = true;  ///< False: the word is there, the colon is not.
};

/// The words of a plan text: blanks, labels, names and numbers. Two-character `\n`, `\r` and `\t` count as blanks, since
/// plans come as command-line arguments and out of JSON too.
class PlanScanner {
 public:
  /// `text` must outlive the scanner.
  explicit PlanScanner(std::string_view text) : text_(text), end_(text.size()) {}

  size_t position() const { return at_; }
  void move_to(size_t at) { at_ = at; }
  size_t end() const { return end_; }
  void set_end(size_t end) { end_ = end; }
  bool at_end() const { return at_ >= end_; }
  /// The byte here, or 0 at the end.
  char peek() const { return at_ < end_ ? text_[at_] : '\0'; }
  std::string_view slice(size_t begin, size_t end) const { return text_.substr(begin, end - begin); }

  /// Skips blanks, line ends, backticks and remarks from `//` (or a `#` that does not begin a line) to the line's end.
  /// True if a line ended on the way.
  bool skip_blanks();
  /// Skips `character` behind blanks, if it is there.
  bool take(char character);
  /// Moves to the first byte of the next line; false if there is none.
  bool next_line();
  /// The label that begins at or behind the decoration (`*`, `#`, `>`, `-`, quotes, backticks) here.
  std::optional<PlanLabel> label() const;

  /// The first byte that is no blank at or behind `at`.
  size_t after_blanks(size_t at) const;
  /// The same, skipping remarks as `skip_blanks` does.
  size_t after_gap(size_t at) const;
  /// Bytes of a character's token such as `[v1]` at `at`; 0 if there is none.
  size_t token_at(size_t at) const;
  /// The byte at `at`, or 0 behind the end.
  char byte_at(size_t at) const { return at < end_ ? text_[at] : '\0'; }

  /// A name in a list that `closer` ends, quoted or not. Line breaks inside become one blank. Throws PlanTextStop.
  std::string name(char closer);
  /// A number in a list that `closer` ends. Throws PlanTextStop.
  double number(char closer);

  /// What to say when the text ends here, such as "the text ends inside Frame_4".
  void set_inside(std::string what) { inside_ = std::move(what); }
  [[noreturn]] void stop_at_end() const;

 private:
  /// Bytes of a line end here: a newline or `\n` or `\r` in two characters; 0 if there is none.
  size_t line_end_at(size_t at) const;
  size_t blank_at(size_t at) const;
  bool hash_remark() const;
  std::string quoted_name(char closer);
  std::string bare_name(char closer);

  std::string_view text_;
  size_t at_ = 0;
  size_t end_;
  std::string inside_ = "the plan";
};

/// At most 40 bytes of `text` for a message: printable ASCII, `?` for anything else.
std::string shown(std::string_view text);

}  // namespace dreamrunner
