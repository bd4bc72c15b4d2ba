#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "catalogue/analyzer.h"
#include "catalogue/bm25_blocks.h"
#include "catalogue/bm25_layout.h"
#include "catalogue/index_bytes.h"

namespace dreamrunner {

/// What the dictionary says of a word.
struct WordInfo {
  uint64_t rows = 0;             ///< That hold it.
  uint64_t postings_offset = 0;
  uint64_t postings_size = 0;    ///< Bytes of its blocks; a word of several blocks has their entries behind.
  Impact impact;                 ///< Over all its rows.
};

/// An index file, mapped. Everything that is read is checked as it is read: a damaged index throws Error(input_file) or gives
/// what it gave before it was damaged. Safe to use from several threads.
class Bm25Index {
 public:
  explicit Bm25Index(const std::filesystem::path& path);
  /// Of content in memory, for fuzzing.
  explicit Bm25Index(IndexFile file);

  uint64_t rows() const { return trailer_.rows; }
  /// In all rows, repeats counted.
  uint64_t words() const { return trailer_.words; }
  uint64_t distinct_words() const { return trailer_.distinct_words; }
  uint64_t postings() const { return trailer_.postings; }
  /// Words in the longest row.
  uint32_t longest() const { return trailer_.longest; }
  uint64_t file_bytes() const { return file_.size(); }
  AnalyzerKind analyzer() const { return static_cast<AnalyzerKind>(trailer_.analyzer); }
  const IndexFile& file() const { return file_; }

  /// Nothing when no row holds `word`.
  std::optional<WordInfo> find(std::string_view word) const;

  /// Words in row `row`, which must be below rows().
  uint32_t words_in_row(uint32_t row) const {
    check_lengths(row, row);
    return checked_words_in_row(row);
  }

  /// Makes sure that checked_words_in_row may be asked for rows `first` to `last`, both below rows().
  void check_lengths(uint32_t first, uint32_t last) const {
    file_.bytes(trailer_.lengths_offset + uint64_t{first} * trailer_.length_width, (uint64_t{last} - first + 1) * trailer_.length_width);
  }
  /// words_in_row for rows that check_lengths has seen.
  uint32_t checked_words_in_row(uint32_t row) const {
    if (trailer_.length_width == 1) return lengths_[row];
    if (trailer_.length_width == 2) return load_raw<uint16_t>(lengths_ + uint64_t{row} * 2);
    return load_raw<uint32_t>(lengths_ + uint64_t{row} * 4);
  }

 private:
  void read_trailer();
  std::span<const uint8_t> group(uint64_t number) const;

  IndexFile file_;
  Bm25Trailer trailer_{};
  const uint8_t* lengths_ = nullptr;
};

/// Walks over the rows that hold a word, forwards only, a block at a time; blocks that nobody looks into are never read.
class PostingsCursor {
 public:
  PostingsCursor(const Bm25Index& index, const WordInfo& word);

  /// Blocks of 128 rows; the last may have fewer.
  size_t blocks() const { return blocks_; }
  size_t block() const { return block_; }
  /// Last row of block `number` and what its rows can score.
  uint32_t last_row(size_t number) const { return entry(number).last_row; }
  Impact impact(size_t number) const { return blocks_ == 1 ? word_.impact : entry(number).impact; }

  /// Makes `number`, not below block(), the block at hand; its rows are unpacked by rows_in_block().
  void move_to_block(size_t number) {
    if (number != block_) {
      block_ = number;
      rows_read_ = counts_read_ = false;
    }
  }
  /// Moves to the first block whose last row is not below `row`; false when there is none. Reads no rows.
  bool move_to_block_of(uint32_t row);

  /// The rows of the block at hand, ascending, all below the index's rows().
  std::span<const uint32_t> rows_in_block();
  /// Whether each row of the block at hand, once read, holds the word once.
  bool all_once() const { return !counts_read_ && count_bits_ == 0; }
  /// How often row `at` of the block at hand holds the word.
  uint32_t times(size_t at);
  /// How often `row` holds the word, 0 for not at all. Rows that are asked for never decrease.
  uint32_t times_in(uint32_t row);

 private:
  BlockEntry entry(size_t number) const {
    if (blocks_ == 1) return {rows_limit_ - 1, static_cast<uint32_t>(word_.postings_size), word_.impact};
    BlockEntry value;
    std::memcpy(&value, entries_.data() + number * sizeof(BlockEntry), sizeof value);
    return value;
  }
  void read_rows();
  void read_full_block(std::span<const uint8_t> bytes, int64_t before, uint32_t last);
  void read_short_block(std::span<const uint8_t> bytes, int64_t before, size_t count);

  const Bm25Index* index_;
  WordInfo word_;
  uint32_t rows_limit_;
  size_t blocks_;
  std::span<const uint8_t> entries_;
  size_t block_ = 0;
  bool rows_read_ = false;
  bool counts_read_ = false;
  size_t count_ = 0;  ///< Rows in it.
  const uint8_t* packed_counts_ = nullptr;
  int count_bits_ = 0;
  alignas(16) std::array<uint32_t, kBlockRows> rows_;
  alignas(16) std::array<uint32_t, kBlockRows> counts_;
};

}  // namespace dreamrunner
