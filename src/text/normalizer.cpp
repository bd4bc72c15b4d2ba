#include "text/normalizer.h"

#include "text/utf8.h"

namespace dreamrunner {

Normalizer::Normalizer(const NormalizerSpec& spec, PieceTrie user_defined, const std::string& origin)
    : charsmap_(spec.charsmap.empty() ? Charsmap() : Charsmap(spec.charsmap, origin)),
      user_defined_(std::move(user_defined)),
      blank_(spec.escape_whitespaces ? "\u2581" : " "),
      add_prefix_(spec.add_dummy_prefix && !spec.blank_is_suffix),
      add_suffix_(spec.add_dummy_prefix && spec.blank_is_suffix),
      collapse_blanks_(spec.remove_extra_whitespaces) {}

Normalizer::Step Normalizer::step(std::string_view text) const {
  if (const size_t length = user_defined_.longest_prefix(text); length > 0) return {length, text.substr(0, length)};
  if (const auto match = charsmap_.longest_match(text)) return {match->length, match->replacement};
  if (const size_t length = utf8_character_length(text); length > 0) return {length, text.substr(0, length)};
  return {1, "\uFFFD"};
}

std::string Normalizer::normalize(std::string_view text) const {
  if (collapse_blanks_) {
    while (!text.empty()) {
      const Step first = step(text);
      if (first.output != " ") break;
      text.remove_prefix(first.length);
    }
  }
  if (text.empty()) return {};

  std::string result;
  result.reserve(text.size() + text.size() / 2);
  if (add_prefix_) result += blank_;
  bool after_blank = collapse_blanks_;
  while (!text.empty()) {
    auto [length, output] = step(text);
    text.remove_prefix(length);
    while (after_blank && output.starts_with(' ')) output.remove_prefix(1);
    // A step that leaves nothing (a rule that deletes, a blank after a blank) changes nothing about what came before.
    if (output.empty()) continue;
    for (const char c : output) {
      if (c == ' ') {
        result += blank_;
      } else {
        result += c;
      }
    }
    after_blank = collapse_blanks_ && output.ends_with(' ');
  }

  if (collapse_blanks_) {
    while (result.ends_with(blank_)) result.resize(result.size() - blank_.size());
  }
  if (add_suffix_) result += blank_;
  return result;
}

}  // namespace dreamrunner
