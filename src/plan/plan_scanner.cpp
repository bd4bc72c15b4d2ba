#include "plan/plan_scanner.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "text/plain_text.h"

namespace dreamrunner {
namespace {

/// One way of quoting: what opens and closes a name.
struct Quotes {
  std::string_view open;
  std::string_view close;
  bool single;  ///< The closing mark is an apostrophe too.
};

constexpr std::array<Quotes, 6> kQuotes{{{"\\\"", "\\\"", false},
                                         {"\\'", "\\'", true},
                                         {"\"", "\"", false},
                                         {"'", "'", true},
                                         {"\u201c", "\u201d", false},
                                         {"\u2018", "\u2019", true}}};

/// Letters for the question "is this mark an apostrophe inside a word": every byte of a non-ASCII character counts.
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Appends one blank for a line break, swallowing the indentation around it.
void append_break(std::string& name) {
  while (!name.empty() && name.back() == ' ') name.pop_back();
  name += ' ';
}

}  // namespace

std::string shown(std::string_view text) {
  std::string result(text.substr(0, 40));
  std::replace_if(result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

void PlanScanner::stop_at_end() const { throw PlanTextStop{end_, fmt::format("the text ends inside {}", inside_)}; }

size_t PlanScanner::line_end_at(size_t at) const {
  if (at >= end_) return 0;
  if (text_[at] == '\n') return 1;
  const std::string_view two = text_.substr(at, std::min<size_t>(2, end_ - at));
  return two == "\\n" || two == "\\r" ? 2 : 0;
}

size_t PlanScanner::blank_at(size_t at) const {
  if (at >= end_) return 0;
  const char c = text_[at];
  if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '`') return 1;
  if (const size_t bytes = line_end_at(at)) return bytes;
  const std::string_view rest = text_.substr(at, end_ - at);
  if (rest.starts_with("\\t") || rest.starts_with("\u00a0")) return 2;
  return rest.starts_with("\ufeff") ? 3 : 0;
}

size_t PlanScanner::after_blanks(size_t at) const {
  while (const size_t bytes = blank_at(at)) at += bytes;
  return at;
}

bool PlanScanner::hash_remark() const {
  if (peek() != '#') return false;
  size_t at = at_;
  while (at > 0 && std::string_view(" \t\r`").find(text_[at - 1]) != std::string_view::npos) --at;
  const bool begins_line = at == 0 || text_[at - 1] == '\n' || (at > 1 && line_end_at(at - 2) == 2);
  if (begins_line) return false;
  // "### Frame_2:" is a heading behind whatever sign; to take it for a remark would lose a frame without a word.
  const auto heading = label();
  return !heading || !heading->colon;
}

size_t PlanScanner::after_gap(size_t at) const {
  PlanScanner probe = *this;
  probe.at_ = at;
  probe.skip_blanks();
  return probe.at_;
}

size_t PlanScanner::token_at(size_t at) const {
  if (byte_at(at) != '[') return 0;
  size_t last = at + 1;
  while (is_letter(byte_at(last)) || is_digit(byte_at(last)) || byte_at(last) == '_') ++last;
  return byte_at(last) == ']' && last > at + 1 ? last + 1 - at : 0;
}

bool PlanScanner::skip_blanks() {
  bool new_line = false;
  while (!at_end()) {
    if (const size_t bytes = line_end_at(at_)) {
      new_line = true;
      at_ += bytes;
    } else if (const size_t blank = blank_at(at_)) {
      at_ += blank;
    } else if (text_.substr(at_, 2) == "//" || hash_remark()) {
      while (!at_end() && !line_end_at(at_)) ++at_;
    } else {
      break;
    }
  }
  return new_line;
}

bool PlanScanner::take(char character) {
  skip_blanks();
  if (peek() != character) return false;
  ++at_;
  return true;
}

bool PlanScanner::next_line() {
  while (!at_end()) {
    if (const size_t bytes = line_end_at(at_)) {
      at_ += bytes;
      return !at_end();
    }
    ++at_;
  }
  return false;
}

std::optional<PlanLabel> PlanScanner::label() const {
  size_t at = at_;
  const auto skip = [&](std::string_view set) {
    while (at < end_ && set.find(text_[at]) != std::string_view::npos) ++at;
  };
  const auto word = [&](std::string_view lower) {
    if (end_ - at < lower.size()) return false;
    for (size_t i = 0; i < lower.size(); ++i) {
      if (small_letter(text_[at + i]) != lower[i]) return false;
    }
    at += lower.size();
    return true;
  };
  while (at < end_) {
    const bool decoration = std::string_view("*#>-\"_").find(text_[at]) != std::string_view::npos;
    const size_t bytes = decoration ? 1 : line_end_at(at) ? 0 : blank_at(at);
    if (bytes == 0) break;
    at += bytes;
  }
  PlanLabel label;
  label.begin = at;
  if (word("background")) {
    label.frame = 0;
  } else if (word("frame")) {
    skip("\\_- ");
    const size_t first = at;
    while (at < end_ && is_digit(text_[at])) ++at;
    if (at == first) return std::nullopt;
    const auto [last, code] = std::from_chars(text_.data() + first, text_.data() + at, label.frame);
    // "Frame_0" must not pass for a background, nor a number beyond reason for any frame.
    if (code != std::errc() || label.frame == 0) label.frame = -1;
  } else {
    return std::nullopt;
  }
  skip("*_\"` \t");
  label.colon = at < end_ && text_[at] == ':';
  if (label.colon) ++at;
  label.end = at;
  if (label.colon) {
    // The decoration closes behind the colon as often as before it.
    while (label.end < end_ && text_[label.end] == '*') ++label.end;
  }
  return label;
}

std::string PlanScanner::name(char closer) {
  skip_blanks();
  if (at_end()) stop_at_end();
  const size_t begin = at_;
  bool quoted = false;
  for (const Quotes& quotes : kQuotes) quoted = quoted || text_.substr(at_, end_ - at_).starts_with(quotes.open);
  std::string name = quoted ? quoted_name(closer) : bare_name(closer);
  if (!quoted && (name == "None" || name == "null")) name = "none";
  if (name.empty()) throw PlanTextStop{begin, "expected a name, found nothing"};
  return name;
}

/// The closing mark is the first one of its kind that a comma or the list's end follows. Marks before it belong to the
/// text if they come in pairs around something, as in `a sign that says "stop" is shown`; whatever else there is can be
/// read in two ways.
std::string PlanScanner::quoted_name(char closer) {
  const size_t begin = at_;
  const Quotes* quotes = nullptr;
  for (const Quotes& candidate : kQuotes) {
    if (!quotes && text_.substr(at_, end_ - at_).starts_with(candidate.open)) quotes = &candidate;
  }
  const bool escaped = quotes->open.front() == '\\';
  at_ += quotes->open.size();
  const size_t first = at_;
  const auto ambiguous = [&](size_t at) -> PlanTextStop {
    return {at, "a quotation mark that neither ends the text nor pairs with another inside it; write marks inside a text as \\\""};
  };

  std::string name;
  size_t pair = std::string_view::npos;  // An opening mark inside the text that waits for its partner.
  while (true) {
    if (at_end()) stop_at_end();
    const std::string_view rest = text_.substr(at_, end_ - at_);
    if (rest.starts_with(quotes->close) || rest.starts_with(quotes->open)) {
      const bool closes = rest.starts_with(quotes->close);
      const std::string_view mark = closes ? quotes->close : quotes->open;
      const char before = at_ > first ? text_[at_ - 1] : ' ';
      const char after = at_ + mark.size() < end_ ? text_[at_ + mark.size()] : '\0';
      const size_t next = after_blanks(at_ + mark.size());
      const char following = next < end_ ? text_[next] : '\0';
      if (closes && quotes->single && at_ > first && is_letter(before) && is_letter(after)) {
        name += mark;  // The dog's bowl.
        at_ += mark.size();
        continue;
      }
      if (closes && (following == ',' || following == closer || following == '\0')) {
        if (following == '\0') {
          at_ = end_;
          stop_at_end();
        }
        if (pair != std::string_view::npos) throw ambiguous(pair);
        at_ += mark.size();
        return std::string(trimmed(name, " "));
      }
      const bool blank_before = at_ == first || before == ' ' || before == '(' || before == '\n';
      const bool blank_after = next != at_ + mark.size();
      if (following == ':' || escaped) throw ambiguous(at_);
      const bool waiting = pair != std::string_view::npos;
      if (waiting ? blank_before : !blank_before || blank_after) throw ambiguous(at_);
      pair = waiting ? std::string_view::npos : at_;
      name += mark;
      at_ += mark.size();
    } else if (const size_t bytes = line_end_at(at_)) {
      const size_t line_break = at_;
      at_ += bytes;
      if (const auto next = label(); next && next->colon) throw PlanTextStop{begin, "a quotation mark that nothing closes"};
      at_ = line_break;
      at_ = after_blanks(at_);
      append_break(name);
    } else if (rest.front() == '\\') {
      if (escaped) throw PlanTextStop{at_, "a backslash inside a text that is quoted with \\\""};
      const char code = rest.size() > 1 ? rest[1] : '\0';
      if (code == '"' || code == '\'' || code == '\\' || code == '/') name += code;
      else if (code == 't') name += ' ';
      else throw PlanTextStop{at_, "an escape that is not one of \\\" \\' \\\\ \\/ \\n \\r \\t"};
      at_ += 2;
    } else {
      if (escaped && rest.front() == quotes->open.back()) throw ambiguous(at_);
      name += rest.front() == '\r' || rest.front() == '\t' ? ' ' : rest.front();
      ++at_;
    }
  }
}

std::string PlanScanner::bare_name(char closer) {
  std::string name;
  while (true) {
    if (at_end()) stop_at_end();
    const char c = peek();
    if (c == ',' || c == closer) return std::string(trimmed(name, " "));
    if (line_end_at(at_)) {
      at_ = after_blanks(at_);
      append_break(name);
      continue;
    }
    if (const size_t bytes = token_at(at_)) {
      name += text_.substr(at_, bytes);
      at_ += bytes;
      continue;
    }
    if (c == '[' || c == ']' || c == '{' || c == '}' || c == '"' || c == ':' || c == '\\') {
      throw PlanTextStop{at_, fmt::format("'{}' inside a name without quotation marks", c)};
    }
    name += c == '\t' || c == '\r' ? ' ' : c;
    ++at_;
  }
}

double PlanScanner::number(char closer) {
  skip_blanks();
  const size_t begin = at_;
  while (!at_end() && peek() != ',' && peek() != closer && !blank_at(at_)) ++at_;
  if (at_end()) stop_at_end();
  const std::string_view word = text_.substr(begin, at_ - begin);
  double value = 0;
  const char* first = word.data() + (word.starts_with('+') ? 1 : 0);
  const auto [last, code] = std::from_chars(first, word.data() + word.size(), value);
  if (word.empty() || last != word.data() + word.size() || code == std::errc::invalid_argument) {
    throw PlanTextStop{begin, fmt::format("found {}, expected a number of a box [left, top, right, bottom]",
                                          word.empty() ? "nothing" : fmt::format("\"{}\"", shown(word)))};
  }
  if (code == std::errc::result_out_of_range) throw PlanTextStop{begin, fmt::format("{} is out of range", shown(word))};
  return value;
}

}  // namespace dreamrunner
