#pragma once

#include <cstdint>
#include <vector>

namespace dreamrunner {

/// A text as a model reads it.
struct TokenizedText {
  std::vector<int64_t> ids;  ///< of all tokens, the special ones around the text among them
  int64_t length = 0;        ///< how many ids the whole text has
  bool cut = false;          ///< whether the text was too long: ids.size() < length
};

}  // namespace dreamrunner
