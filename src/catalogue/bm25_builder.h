#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "catalogue/analyzer.h"
#include "catalogue/index_file.h"

namespace dreamrunner {

class Bm25Accumulator;

/// Makes the BM25 index of captions in bounded memory: postings gather, compressed, in an arena of fixed size; a full arena
/// is sorted and spooled to the disk as a run, and the runs are merged at the end. What grows with the rows is 4 bytes for
/// the length of each.
class Bm25Builder {
 public:
  /// The index goes to `path` (a file that nobody reads yet); runs to a nameless file in the same folder.
  /// `memory_bytes` is the arena's size, at least 64 KiB. Throws Error(storage).
  Bm25Builder(std::filesystem::path path, AnalyzerKind analyzer, size_t memory_bytes = size_t{64} << 20);
  ~Bm25Builder();

  /// The next row's caption. Row numbers are given in order, from 0. At most 2^32 - 2 rows.
  void add(std::string_view caption);
  uint64_t rows() const { return lengths_.size(); }
  /// Words in the row that came last.
  uint32_t words_in_last_row() const { return lengths_.empty() ? 0 : lengths_.back(); }

  /// Merges the runs, writes the file and forces it to the disk. Call it once.
  void finish();

 private:
  void spool_run();

  std::filesystem::path path_;
  Analyzer analyzer_;
  IndexSpool spool_;
  std::unique_ptr<Bm25Accumulator> accumulator_;
  std::vector<std::string_view> words_;  ///< Of the caption at hand.
  std::vector<uint32_t> lengths_;
  std::vector<uint64_t> runs_;  ///< Where each run begins in the spool.
};

}  // namespace dreamrunner
