#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "text/spiece_model.h"

namespace dreamrunner::test {

// The wire format, written by hand: a test must be able to write what no protobuf library would.

inline std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

inline std::string key(uint32_t number, int wire_type) { return varint(uint64_t{number} << 3 | static_cast<uint64_t>(wire_type)); }
inline std::string number_field(uint32_t number, uint64_t value) { return key(number, 0) + varint(value); }
inline std::string bytes_field(uint32_t number, std::string_view bytes) {
  return key(number, 2) + varint(bytes.size()) + std::string(bytes);
}

inline std::string word(uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

inline std::string float_field(uint32_t number, float value) { return key(number, 5) + word(std::bit_cast<uint32_t>(value)); }

inline std::string piece_field(std::string_view text, float score, int kind = 1) {
  return bytes_field(1, bytes_field(1, text) + float_field(2, score) + (kind == 1 ? "" : number_field(3, kind)));
}

/// <pad>, </s>, <unk>, as in every T5 vocabulary.
inline std::string special_pieces() { return piece_field("<pad>", 0, 3) + piece_field("</s>", 0, 3) + piece_field("<unk>", 0, 2); }

/// A whole model without rules: the special pieces, a lone blank, and "▁fox" spelt in one, two and many pieces.
inline std::string small_model() {
  return special_pieces() + piece_field("\u2581", -3) + piece_field("\u2581fox", -4) + piece_field("\u2581f", -5) + piece_field("ox", -5) +
         piece_field("f", -6) + piece_field("o", -6) + piece_field("x", -6);
}

/// Trie units as darts-clone packs them.
inline uint32_t trie_unit(uint8_t label, uint32_t branch, bool has_value) { return branch << 10 | (has_value ? 1u << 8 : 0) | label; }
inline uint32_t trie_value(uint32_t offset) { return offset | 1u << 31; }

/// A charsmap of one block: "A" becomes "a", TAB a blank, "-" nothing, "B" "  bb".
struct CharsmapParts {
  std::map<size_t, uint32_t> units;
  size_t unit_count = 256;
  std::string pool;

  std::string bytes() const {
    std::string trie;
    for (size_t i = 0; i < unit_count; ++i) trie += word(units.contains(i) ? units.at(i) : 0);
    return word(static_cast<uint32_t>(trie.size())) + trie + pool;
  }
};

inline CharsmapParts small_charsmap() {
  using namespace std::string_literals;
  CharsmapParts parts;
  parts.pool = "a\0 \0\0  bb\0"s;
  // From the root with branch 1, byte b is at 1 ^ b; its value one unit (branch 128) beside the letters.
  parts.units[0] = trie_unit(0, 1, false);
  const auto rule = [&parts](uint8_t byte, uint32_t offset) {
    const size_t at = 1u ^ byte;
    parts.units[at] = trie_unit(byte, 128, true);
    parts.units[at ^ 128] = trie_value(offset);
  };
  rule('A', 0);
  rule('\t', 2);
  rule('-', 4);
  rule('B', 5);
  return parts;
}

/// Runs `read` and expects Error(input_file) with `part` in its message.
template <typename Read>
void expect_refused(const Read& read, const std::string& part) {
  try {
    read();
    ADD_FAILURE() << "accepted, refusal expected: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input_file) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

}  // namespace dreamrunner::test
