#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace dreamrunner {

/// What helps against a damaged file of a catalogue.
inline constexpr const char* kMakeCatalogueAnew = "remove its folder, and make it anew with `dreamrunner clips add`";

/// What a file of the catalogue is: eight letters and a version. A reader takes its own version only.
struct IndexFileKind {
  std::string_view name;
  uint32_t version;
};

/// Writes a file in pieces, front to back, with a checksum for each page of 32 KiB:
///
///   content | a CRC-32C for each page (4 bytes) | footer (40 bytes)
///
/// footer: "DRUNPAGE", the kind's 8 letters, version (4), page size (4), content size (8), CRC-32C of the page checksums
/// (4), CRC-32C of the footer so far (4). Numbers are little-endian. Throws Error(storage).
class IndexFileWriter {
 public:
  IndexFileWriter(std::filesystem::path path, IndexFileKind kind);
  ~IndexFileWriter();
  IndexFileWriter(const IndexFileWriter&) = delete;
  IndexFileWriter& operator=(const IndexFileWriter&) = delete;

  void write(std::string_view bytes);
  void write(std::span<const uint8_t> bytes) { write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())); }
  /// Bytes of content so far: the offset of what is written next.
  uint64_t position() const { return position_; }
  /// Ends the file and forces it to the disk.
  void finish();

 private:
  void flush();

  std::filesystem::path path_;
  std::string kind_;
  uint32_t version_;
  int fd_ = -1;
  uint64_t position_ = 0;
  std::string page_;
  std::string checksums_;
};

/// Such a file, mapped. A page is checked when it is first looked at, so that opening costs nothing; what is handed out has
/// been checked. Safe to use from several threads.
class IndexFile {
 public:
  /// Throws Error(input_file) when the file is not of this kind and version, or its footer or checksums are damaged.
  IndexFile(const std::filesystem::path& path, IndexFileKind kind);
  /// Content in memory that is trusted not to be damaged, but not to be meaningful: for fuzzing. It must outlive the object.
  IndexFile(std::string name, std::span<const uint8_t> content);

  const std::string& name() const { return name_; }
  uint64_t size() const { return content_.size(); }
  /// Part of the content. Throws Error(input_file) when it lies outside, or a page of it is damaged.
  std::span<const uint8_t> bytes(uint64_t offset, uint64_t size) const {
    if (offset > content_.size() || size > content_.size() - offset) fail("a part lies outside the file");
    if (size > 0 && checked_ != nullptr) {
      for (uint64_t page = offset / kPageSize; page <= (offset + size - 1) / kPageSize; ++page) {
        if (checked_[page].load(std::memory_order_relaxed) == 0) check(page);
      }
    }
    return content_.subspan(offset, size);
  }
  /// Where the content from `offset` on lies, not above size(): only to be read where bytes() has been asked for it.
  const uint8_t* unchecked_bytes(uint64_t offset) const { return content_.data() + offset; }
  [[noreturn]] void fail(std::string_view what) const;

 private:
  static constexpr uint64_t kPageSize = 32768;

  void check(uint64_t page) const;

  std::string name_;
  std::unique_ptr<MappedFile> file_;
  std::span<const uint8_t> content_;
  const uint8_t* checksums_ = nullptr;
  std::unique_ptr<std::atomic<uint8_t>[]> checked_;
};

/// A temporary file without a name, in a folder that has room: appended to, then read in pieces. Throws Error(storage).
class IndexSpool {
 public:
  explicit IndexSpool(const std::filesystem::path& folder);
  ~IndexSpool();
  IndexSpool(const IndexSpool&) = delete;
  IndexSpool& operator=(const IndexSpool&) = delete;

  void append(std::string_view bytes);
  uint64_t size() const { return size_; }
  /// Fills `into` with bytes from `offset` on; the number read, less than asked at the end.
  size_t read(uint64_t offset, std::span<uint8_t> into) const;

 private:
  std::filesystem::path folder_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

/// The last bytes of such a file, which hold the checksum of all that comes before: two files of one size that differ differ
/// here. Nothing is checked. Throws Error(input_file) or Error(storage).
std::string index_footer(const std::filesystem::path& path);

}  // namespace dreamrunner
