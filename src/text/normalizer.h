#pragma once

#include <string>
#include <string_view>

#include "text/charsmap.h"
#include "text/piece_trie.h"
#include "text/spiece_model.h"

namespace dreamrunner {

/// Rewrites a text the way a sentencepiece model wants it: user-defined symbols stay as they are, the charsmap's longest
/// rule is applied elsewhere, a byte that is not UTF-8 becomes U+FFFD, blanks are treated as NormalizerSpec says. Source:
/// sentencepiece 0.2.1, Normalizer::Normalize.
class Normalizer {
 public:
  /// Throws Error(input_file) naming `origin` when the rules are damaged.
  Normalizer(const NormalizerSpec& spec, PieceTrie user_defined, const std::string& origin);

  /// Any bytes; the result is at most 768 times as long (256 blanks of three bytes for one byte), and a blank. A text of
  /// nothing but blanks that go becomes empty, without the dummy prefix.
  std::string normalize(std::string_view text) const;

 private:
  struct Step {
    size_t length;            // bytes of the text, at least 1
    std::string_view output;  // what they become
  };
  Step step(std::string_view text) const;

  Charsmap charsmap_;
  PieceTrie user_defined_;
  std::string_view blank_;  // " " or U+2581
  bool add_prefix_, add_suffix_, collapse_blanks_;
};

}  // namespace dreamrunner
