#pragma once

#include <cstdint>

#include "catalogue/index_file.h"

namespace dreamrunner {

// The file of an index (docs/catalogue.md, "The files of a catalogue"), in its order:
//
//   postings     of one word after the other, in the order of the words' bytes. Of one word: blocks, then, where there are
//                several, a BlockEntry for each. A block of 128 rows: bits of a step (1 byte), bits of a count (1 byte), the
//                128 steps packed, the 128 counts packed. The last block of fewer rows: for each the varint
//                step * 2 + (1 where a count follows), and the varint count - 1. A step is row - previous row - 1 (the
//                previous of the first is -1), a count is how often the row holds the word, less 1.
//   dictionary   of the words in order, 16 to a group. Of one word: bytes shared with the word before, further bytes, those
//                bytes, rows that hold it, bytes of its blocks, its Impact (4 bytes); in front of a group's first, which
//                shares nothing, the offset of its postings. Numbers are varints.
//   groups       where each group of the dictionary begins: 8 bytes each.
//   lengths      words in each row: `length_width` bytes each.
//   trailer      Bm25Trailer.

constexpr IndexFileKind kBm25FileKind{"bm25", 1};
constexpr uint64_t kGroupWords = 16;

struct Bm25Trailer {
  uint64_t rows;
  uint64_t words;           ///< In all rows, repeats counted.
  uint64_t distinct_words;
  uint64_t postings;        ///< Pairs of a word and a row.
  uint64_t dictionary_offset;
  uint64_t dictionary_size;
  uint64_t groups_offset;
  uint64_t lengths_offset;
  uint32_t length_width;    ///< 1, 2 or 4.
  uint32_t longest;         ///< Words in the longest row.
  uint32_t analyzer;        ///< AnalyzerKind.
  uint32_t reserved;        ///< 0.
};
static_assert(sizeof(Bm25Trailer) == 80);

}  // namespace dreamrunner
