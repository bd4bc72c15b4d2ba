#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

namespace dreamrunner {

/// `c` as a small letter, if it is an ASCII capital.
inline char small_letter(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// `text` with ASCII capitals made small.
inline std::string small_letters(std::string_view text) {
  std::string low(text);
  std::transform(low.begin(), low.end(), low.begin(), small_letter);
  return low;
}

/// `text` without the characters of `set` at its ends.
inline std::string_view trimmed(std::string_view text, std::string_view set) {
  const size_t first = text.find_first_not_of(set);
  return first == std::string_view::npos ? std::string_view() : text.substr(first, text.find_last_not_of(set) - first + 1);
}

/// Whether `word` is one of `words`.
inline bool among(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// `text` without the mark that some editors put in front of UTF-8.
inline std::string_view without_byte_order_mark(std::string_view text) {
  constexpr std::string_view kMark = "\ufeff";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

/// True for the bytes of a file in UTF-16 that says so with its first two.
inline bool is_marked_utf16(std::string_view text) { return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"); }

}  // namespace dreamrunner
