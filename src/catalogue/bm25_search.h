#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "catalogue/bm25.h"
#include "catalogue/bm25_index.h"

namespace dreamrunner {

/// A row and its score. Better is a higher score, then a lower row.
struct Bm25Hit {
  uint64_t row = 0;  ///< Counted over all segments.
  double score = 0;
};

/// A part of a catalogue: its index, and the rows of it that are gone.
struct Bm25Segment {
  const Bm25Index* index = nullptr;
  const std::vector<bool>* removed = nullptr;  ///< A flag for each row; null: none. Removed rows still count in the statistics.
};

/// The `top` best of the rows that hold at least one of `words`, best first: exactly those, with exactly the scores, that
/// scoring every row gives. Statistics are those of all segments together.
///
/// The way: words take turns, the one that can add most first. In its turn every row that holds it and none of the words
/// before it is scored, unless what is known of its block, of the other words' blocks there, or of the row's length says that
/// it cannot be among the best; and the turns end once rows with none but the remaining words cannot be. (Turtle and Flood,
/// "Query evaluation: strategies and optimizations", 1995; Ding and Suel, "Faster top-k document retrieval using block-max
/// indexes", 2011; here the words' turns follow each other, so that the rare word of a query sets the bar for the others.)
///
/// Throws Error(usage) for settings out of range, Error(input_file) for a damaged index.
std::vector<Bm25Hit> bm25_search(std::span<const Bm25Segment> segments, const std::vector<std::string>& words, size_t top,
                                 const Bm25Settings& settings = {});

}  // namespace dreamrunner
