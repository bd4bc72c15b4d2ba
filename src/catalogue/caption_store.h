#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "catalogue/caption_row.h"
#include "catalogue/index_file.h"

namespace dreamrunner {

// The file of a segment's rows (docs/catalogue.md, "The files of a catalogue"), in its order:
//
//   rows      each: the varint of its size, then id, source, path, caption, extra (varint length, bytes), the varints start,
//             end + 1 (0 for none), width, height; times in microseconds.
//   places    where every 32nd row begins: 8 bytes each.
//   contents  (content_key, row) of all rows, ascending: keys of 8 bytes, then rows of 4.
//   ids       (id_key, row) of all rows, ascending, in the same way.
//   trailer   CaptionTrailer.

constexpr IndexFileKind kCaptionFileKind{"captions", 1};
constexpr uint64_t kRowsPerPlace = 32;

struct CaptionTrailer {
  uint64_t rows;
  uint64_t places_offset;
  uint64_t contents_offset;
  uint64_t ids_offset;
};
static_assert(sizeof(CaptionTrailer) == 32);

/// Writes the rows of a segment as they come. What grows with the rows is 32 bytes for the two keys of each.
class CaptionStoreWriter {
 public:
  explicit CaptionStoreWriter(const std::filesystem::path& path) : file_(path, kCaptionFileKind) {}

  /// `key` is the row's content_key.
  void add(const CaptionRow& row, uint64_t key);
  uint32_t rows() const { return static_cast<uint32_t>(contents_.size()); }
  /// Ends the file and forces it to the disk.
  void finish();

 private:
  using Keys = std::vector<std::pair<uint64_t, uint32_t>>;
  void write_keys(Keys& keys);

  IndexFileWriter file_;
  std::vector<uint64_t> places_;
  Keys contents_, ids_;
};

/// The rows of a segment, mapped. A damaged file throws Error(input_file). Safe to use from several threads.
class CaptionStore {
 public:
  explicit CaptionStore(const std::filesystem::path& path);
  /// Of content in memory, for fuzzing.
  explicit CaptionStore(IndexFile file);

  uint64_t rows() const { return trailer_.rows; }
  uint64_t file_bytes() const { return file_.size(); }
  /// Row `number`, below rows().
  CaptionRow row(uint64_t number) const;
  /// The rows whose content has this key, ascending.
  std::vector<uint32_t> rows_with_content(uint64_t key) const { return rows_with_key(trailer_.contents_offset, key); }
  /// The rows whose id has this key, ascending; the caller compares the ids.
  std::vector<uint32_t> rows_with_id(uint64_t key) const { return rows_with_key(trailer_.ids_offset, key); }

 private:
  void read_trailer();
  std::vector<uint32_t> rows_with_key(uint64_t offset, uint64_t key) const;
  uint64_t number_at(uint64_t offset) const;

  IndexFile file_;
  CaptionTrailer trailer_{};
};

}  // namespace dreamrunner
