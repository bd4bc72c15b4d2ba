#pragma once

#include <cstddef>
#include <string_view>

namespace dreamrunner {

/// The length in bytes, 1 to 4, of the well-formed UTF-8 character that `text` begins with, or 0 when it begins with
/// none: empty text, a stray or missing continuation byte, an overlong form, a surrogate, a value above U+10FFFF.
size_t utf8_character_length(std::string_view text);

/// Whether all of `text` is well-formed UTF-8.
bool is_utf8(std::string_view text);

/// The length that a character's first byte announces, 1 to 4, cut to what `text` holds; 1 for a continuation byte.
/// `text` must not be empty. For text that is known to be UTF-8 or where any way of stepping on will do.
size_t announced_length(std::string_view text);

}  // namespace dreamrunner
