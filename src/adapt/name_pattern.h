#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dreamrunner {

/// A pattern of module names as PEFT's `rank_pattern` and `alpha_pattern` hold them: a regular expression that must match the
/// end of the name from its start or from behind one of its dots (peft/utils/other.py, get_pattern_key).
/// Read here because patterns come from files that nobody vouches for: std::regex may take exponential time and overflow the
/// stack on them. This one follows all ways through the pattern at once, so a match costs (pattern x name) at most.
/// Known: literals, `.`, `[...]`, `\d \w \s` and their opposites, groups, `|`, `* + ? {m,n}`, `^`, `$`.
class NamePattern {
 public:
  /// Throws Error(input_file) naming `origin` for a pattern that is malformed, too large or beyond what is known
  /// (look-around, back references).
  NamePattern(std::string_view pattern, const std::string& origin);

  bool matches(std::string_view name) const;

 private:
  friend class PatternReader;
  enum class Kind { letter, any, set, split, at_start, at_end, accept };
  struct Node {
    Kind kind = Kind::accept;
    unsigned char letter = 0;
    int set = -1;  ///< Of `sets_`.
    int next = -1;
    int other = -1;  ///< The second way of a split.
  };
  using Set = std::vector<bool>;  ///< By letter, 256 of them.

  void add_state(int node, bool at_start, bool at_end, std::vector<int>& states, std::vector<bool>& seen) const;

  std::vector<Node> nodes_;
  std::vector<Set> sets_;
  int start_ = -1;
};

}  // namespace dreamrunner
