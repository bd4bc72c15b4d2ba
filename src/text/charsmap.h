#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dreamrunner {

/// The rewriting rules inside a sentencepiece model ("precompiled charsmap"): a double-array trie of the byte sequences
/// to replace, whose values are offsets into a pool of NUL-terminated replacements. An empty map rewrites nothing.
///
/// Bytes in the file: trie size (uint32, little endian), the trie's units (uint32 each), the pool.
class Charsmap {
 public:
  struct Match {
    size_t length;                 ///< bytes of the text that are replaced, at least 1
    std::string_view replacement;  ///< what stands there instead; may be empty; lives as long as the map
  };

  Charsmap() = default;

  /// Checks every unit of the trie once, so that a walk can never leave it, and every replacement's end and length
  /// (at most 256 bytes). Throws Error(input_file) naming `origin`.
  Charsmap(std::string_view bytes, const std::string& origin);

  /// The longest rule that `text` begins with.
  std::optional<Match> longest_match(std::string_view text) const;

 private:
  std::vector<uint32_t> units_;
  std::string pool_;
};

}  // namespace dreamrunner
