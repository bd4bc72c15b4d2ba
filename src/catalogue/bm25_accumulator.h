#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "catalogue/index_file.h"

namespace dreamrunner {

/// Postings of the rows since the last run, in an arena of fixed size. Each word has a chain of chunks that grow from 16 bytes
/// to 8 KiB, so that the many rare words cost little and the few frequent ones are read in long stretches.
class Bm25Accumulator {
 public:
  explicit Bm25Accumulator(size_t arena_bytes);

  /// The words of `row`, repeats and all; rows increase.
  void add(std::span<const std::string_view> words, uint32_t row);
  /// Whether a row of `words` words more, of `bytes` bytes together, might not fit.
  bool is_full_for(size_t words, size_t bytes) const;
  bool empty() const { return words_.empty(); }

  /// Appends all words in the order of their bytes to `spool` and starts anew. Of each word: its length and bytes, the rows
  /// that hold it, and for each the varint (row - previous row) * 2 + (1 where a count follows), and the varint count - 2.
  void spool(IndexSpool& spool);

 private:
  struct Word {
    uint32_t text;       ///< Where its bytes are.
    uint32_t text_size;
    uint32_t head;       ///< First chunk.
    uint32_t at;         ///< Where the next byte goes.
    uint32_t chunk_end;
    uint32_t chunk_size;
    uint32_t rows = 0;       ///< Written.
    uint32_t last_written = 0;
    uint32_t row;            ///< Not yet written, since the word may stand in it again.
    uint32_t times = 1;
  };
  struct Slot {
    uint32_t hash;
    uint32_t word;  ///< From 1; 0 is an empty slot.
  };

  void add_word(std::string_view text, uint32_t hash, uint32_t row);

  std::string_view text_of(const Word& word) const { return {reinterpret_cast<const char*>(&arena_[word.text]), word.text_size}; }
  Word& new_word(std::string_view text, uint32_t row);
  void grow_table();
  void write_pending(Word& word);
  void put(Word& word, uint8_t byte);
  uint32_t take(size_t bytes);

  std::unique_ptr<uint8_t[]> arena_;
  size_t arena_size_;
  size_t used_ = 0;
  std::vector<Word> words_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> hashes_;  ///< Of the row at hand.
};

}  // namespace dreamrunner
