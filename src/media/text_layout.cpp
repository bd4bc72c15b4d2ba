#include "media/text_layout.h"

#include <cstdint>

namespace dreamrunner {
namespace {

constexpr const char* kEllipsis = "\xE2\x80\xA6";
constexpr const char* kReplacement = "\xEF\xBF\xBD";

/// Bytes of the well-formed UTF-8 sequence at the start of `text` (Unicode standard, table 3-7), 0 if there is none.
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](size_t i, unsigned low = 0x80, unsigned high = 0xBF) { return byte(i) >= low && byte(i) <= high; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;   // No overlong forms,
    const unsigned high = first == 0xED ? 0x9F : 0xBF;  // no surrogates.
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  return words;
}

void drop_last_character(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
}

}  // namespace

std::string printable_utf8(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    const unsigned char first = static_cast<unsigned char>(text.front());
    if (length == 0) {
      result += kReplacement;
    } else if (first < 0x20 || first == 0x7F || (first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0)) {
      result += ' ';
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

std::vector<std::string> wrap_text(std::string_view text, double max_width, int max_lines,
                                   const std::function<double(const std::string&)>& width_of) {
  std::vector<std::string> lines;
  std::string line;
  for (std::string word : split_words(printable_utf8(text))) {
    if (!line.empty() && width_of(line + ' ' + word) <= max_width) {
      line += ' ' + word;
      continue;
    }
    if (!line.empty()) lines.push_back(std::move(line));
    line.clear();
    while (width_of(word) > max_width) {
      // A word wider than a line: as many characters as fit, and at least one.
      std::string head;
      for (size_t at = 0; at < word.size();) {
        const size_t length = sequence_length(std::string_view(word).substr(at));
        if (at > 0 && width_of(head + word.substr(at, length)) > max_width) break;
        head += word.substr(at, length);
        at += length;
      }
      if (head.size() == word.size()) break;
      word.erase(0, head.size());
      lines.push_back(std::move(head));
    }
    line = std::move(word);
  }
  if (!line.empty()) lines.push_back(std::move(line));

  if (lines.size() > static_cast<size_t>(max_lines)) {
    lines.resize(static_cast<size_t>(max_lines));
    if (lines.empty()) return lines;
    std::string& last = lines.back();
    while (!last.empty() && width_of(last + kEllipsis) > max_width) drop_last_character(last);
    while (!last.empty() && last.back() == ' ') last.pop_back();
    last += kEllipsis;
  }
  return lines;
}

}  // namespace dreamrunner
