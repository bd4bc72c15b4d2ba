#include "text/piece_trie.h"

#include <algorithm>

namespace dreamrunner {

PieceTrie::PieceTrie(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end());

  // Sorted, all strings with one beginning are one range: a node is a range and the length of that beginning.
  struct Range {
    Node node;
    size_t first, last, depth;
  };
  nodes_.emplace_back();
  std::vector<Range> open;
  open.push_back({kRoot, 0, entries.size(), 0});
  while (!open.empty()) {
    Range range = open.back();
    open.pop_back();
    if (range.first < range.last && entries[range.first].first.size() == range.depth) {
      nodes_[range.node].value = entries[range.first++].second;
    }
    nodes_[range.node].first_child = static_cast<uint32_t>(nodes_.size());
    while (range.first < range.last) {
      const char byte = entries[range.first].first[range.depth];
      const size_t start = range.first;
      while (range.first < range.last && entries[range.first].first[range.depth] == byte) ++range.first;
      open.push_back({static_cast<Node>(nodes_.size()), start, range.first, range.depth + 1});
      nodes_.emplace_back().byte = static_cast<uint8_t>(byte);
      ++nodes_[range.node].children;
    }
  }
}

PieceTrie::Node PieceTrie::child(Node node, uint8_t byte) const {
  const auto first = nodes_.begin() + nodes_[node].first_child;
  const auto last = first + nodes_[node].children;
  const auto found = std::lower_bound(first, last, byte, [](const Record& record, uint8_t b) { return record.byte < b; });
  return found != last && found->byte == byte ? static_cast<Node>(found - nodes_.begin()) : kNone;
}

int32_t PieceTrie::find(std::string_view text) const {
  Node node = kRoot;
  for (const char c : text) {
    node = child(node, static_cast<uint8_t>(c));
    if (node == kNone) return kNoValue;
  }
  return value(node);
}

size_t PieceTrie::longest_prefix(std::string_view text) const {
  size_t longest = 0;
  Node node = kRoot;
  for (size_t i = 0; i < text.size(); ++i) {
    node = child(node, static_cast<uint8_t>(text[i]));
    if (node == kNone) break;
    if (value(node) != kNoValue) longest = i + 1;
  }
  return longest;
}

}  // namespace dreamrunner
