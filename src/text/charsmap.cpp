#include "text/charsmap.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

// A unit of the trie (the layout of darts-clone). From a unit at position p, the unit of the next byte b is at
// p ^ branch ^ b and carries b as its label; where a rule ends, p ^ branch holds its value, marked by the highest bit.
constexpr uint32_t kValueMark = 1u << 31;

bool is_value(uint32_t unit) { return (unit & kValueMark) != 0; }
uint32_t value(uint32_t unit) { return unit & ~kValueMark; }
bool has_value(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t branch(uint32_t unit) { return (unit >> 10) << ((unit >> 6) & 8); }
/// The mark belongs to the label, so that a value is never taken for a byte.
uint32_t label(uint32_t unit) { return unit & (kValueMark | 0xFF); }

/// No rule of Unicode comes near it (the longest NFKC form has 33 bytes); a hostile one could turn a page of text into
/// gigabytes.
constexpr size_t kLongestReplacement = 256;

[[noreturn]] void refuse(const std::string& origin, const std::string& what) {
  throw Error(ErrorKind::input_file, fmt::format("{}: normalisation rules: {}", origin, what), "the tokenizer is damaged; fetch it again");
}

}  // namespace

Charsmap::Charsmap(std::string_view bytes, const std::string& origin) {
  if (bytes.size() < 4) refuse(origin, fmt::format("{} bytes, at least 4 expected", bytes.size()));
  const auto word = [bytes](size_t at) {
    uint32_t result = 0;
    for (size_t i = 4; i-- > 0;) result = result << 8 | static_cast<uint8_t>(bytes[at + i]);
    return result;
  };

  const uint64_t trie_size = word(0);
  if (trie_size == 0 || trie_size % 4 != 0 || trie_size > bytes.size() - 4) {
    refuse(origin, fmt::format("a trie of {} bytes in {} bytes", trie_size, bytes.size() - 4));
  }
  const std::string_view pool = bytes.substr(4 + trie_size);
  if (pool.empty() || pool.back() != '\0') refuse(origin, "the last replacement has no end");
  for (size_t start = 0; start < pool.size();) {
    const size_t end = pool.find('\0', start);
    if (end - start > kLongestReplacement) {
      refuse(origin, fmt::format("a replacement of {} bytes, at most {} expected", end - start, kLongestReplacement));
    }
    start = end + 1;
  }

  units_.resize(trie_size / 4);
  for (size_t i = 0; i < units_.size(); ++i) units_[i] = word(4 + 4 * i);
  if (is_value(units_[0])) refuse(origin, "the trie has no root");
  for (size_t i = 0; i < units_.size(); ++i) {
    if (is_value(units_[i])) continue;
    // The byte that a walk adds changes the lowest eight bits, so the whole block of 256 must be there.
    const size_t base = i ^ branch(units_[i]);
    if ((base | 0xFF) >= units_.size()) refuse(origin, fmt::format("trie unit {} leads out of the trie", i));
    if (!has_value(units_[i])) continue;
    if (!is_value(units_[base]) || value(units_[base]) >= pool.size()) {
      refuse(origin, fmt::format("trie unit {} has no replacement", i));
    }
  }
  pool_ = pool;
}

std::optional<Charsmap::Match> Charsmap::longest_match(std::string_view text) const {
  if (units_.empty()) return std::nullopt;
  std::optional<Match> longest;
  // The constructor has seen that all positions reached here are inside.
  size_t position = branch(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    position ^= byte;
    const uint32_t unit = units_[position];
    if (label(unit) != byte) break;
    position ^= branch(unit);
    if (has_value(unit)) longest = Match{i + 1, std::string_view(pool_.c_str() + value(units_[position]))};
  }
  return longest;
}

}  // namespace dreamrunner
