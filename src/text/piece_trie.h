#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace dreamrunner {

/// A trie over byte strings with a value of 0 or more each, for finding all strings that a text begins with. Children
/// of a node lie side by side, in the order of their bytes.
class PieceTrie {
 public:
  using Entry = std::pair<std::string_view, int32_t>;
  using Node = uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kNone = UINT32_MAX;
  static constexpr int32_t kNoValue = -1;

  PieceTrie() : PieceTrie(std::vector<Entry>{}) {}
  /// The strings must be distinct and not empty; they are not kept.
  explicit PieceTrie(std::vector<Entry> entries);

  /// The node one byte further, or kNone.
  Node child(Node node, uint8_t byte) const;
  /// The value of the string that ends at `node`, or kNoValue.
  int32_t value(Node node) const { return nodes_[node].value; }

  /// The value of exactly this string, or kNoValue.
  int32_t find(std::string_view text) const;
  /// The length in bytes of the longest string that `text` begins with, 0 for none.
  size_t longest_prefix(std::string_view text) const;

 private:
  struct Record {
    uint32_t first_child = 0;
    int32_t value = kNoValue;
    uint16_t children = 0;
    uint8_t byte = 0;
  };

  std::vector<Record> nodes_;
};

}  // namespace dreamrunner
