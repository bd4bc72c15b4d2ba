#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace dreamrunner {

/// Postings are packed in blocks of this many rows.
constexpr int kBlockRows = 128;

/// Bytes of 128 numbers of `bits` bits.
constexpr size_t packed_size(int bits) { return static_cast<size_t>(bits) * 16; }

/// The fewest bits that hold every one of 128 numbers, 0 to 32.
int bits_of(const uint32_t* values);

/// Appends 128 numbers of `bits` bits. Four lanes side by side, so that one instruction unpacks four numbers: number i is
/// in lane i % 4, and word w of lane l is the file's word 4 w + l.
void pack_block(const uint32_t* values, int bits, std::string& out);

/// The reverse: reads packed_size(bits) bytes, writes 128 numbers. `bits` is 0 to 32.
void unpack_block(const uint8_t* in, int bits, uint32_t* values);

/// What the best score of some rows for one word can be, whatever k1, b and the statistics: the shortest row that holds the
/// word once, twice, and more often, and the most often. Four bytes, rounded to the safe side.
struct Impact {
  static constexpr uint8_t kNone = 255;  ///< No row of this kind.
  static constexpr uint8_t kMany = 255;  ///< `most` when it is 255 or more.

  uint8_t shortest_once = kNone;  ///< Words in the row; 254 stands for 254 and more.
  uint8_t shortest_twice = kNone;
  uint8_t shortest_often = kNone;
  uint8_t most = 0;

  void add(uint32_t times, uint32_t words_in_row) {
    const auto words = static_cast<uint8_t>(std::min<uint32_t>(words_in_row, 254));
    uint8_t& shortest = times == 1 ? shortest_once : times == 2 ? shortest_twice : shortest_often;
    shortest = std::min(shortest, words);
    most = std::max(most, static_cast<uint8_t>(std::min<uint32_t>(times, kMany)));
  }
  void add(const Impact& other) {
    shortest_once = std::min(shortest_once, other.shortest_once);
    shortest_twice = std::min(shortest_twice, other.shortest_twice);
    shortest_often = std::min(shortest_often, other.shortest_often);
    most = std::max(most, other.most);
  }
};
static_assert(sizeof(Impact) == 4);

/// A block's entry in the directory of its word.
struct BlockEntry {
  uint32_t last_row;
  uint32_t end;  ///< Where the block ends, from the beginning of the word's postings.
  Impact impact;
};
static_assert(sizeof(BlockEntry) == 12);

}  // namespace dreamrunner
