#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/lock_file.h"
#include "catalogue/analyzer.h"

namespace dreamrunner {

/// A part of a catalogue: the rows of one import, or of 2 million rows of it.
struct SegmentRecord {
  uint32_t number = 0;         ///< Names its files; never used twice.
  uint64_t rows = 0;
  uint64_t words = 0;
  uint64_t without_words = 0;  ///< Rows whose caption has none.
  std::string from;            ///< The list that it was made from, for people.
  std::string videos;          ///< The video folder that its import named; empty where nobody knows it any more.
  uint32_t removals = 0;       ///< How often rows were removed: names the file that says which; 0 for none.
  uint64_t removed = 0;        ///< Rows that are gone.
};

/// catalogue.json: what belongs to the catalogue. Other files of a catalogue in its folder are leftovers of an import that did
/// not end. Replacing this file is what commits an import or a removal. All texts are UTF-8.
struct CatalogueManifest {
  AnalyzerKind analyzer = AnalyzerKind::plain;
  std::vector<std::string> video_folders;  ///< Absolute, or relative to the catalogue's folder where near to it.
  std::vector<SegmentRecord> segments;

  uint64_t rows() const;
  uint32_t next_number() const;
};

std::filesystem::path manifest_file(const std::filesystem::path& folder);
std::filesystem::path captions_file(const std::filesystem::path& folder, uint32_t segment);
std::filesystem::path index_file(const std::filesystem::path& folder, uint32_t segment);
std::filesystem::path removed_file(const std::filesystem::path& folder, uint32_t segment, uint32_t removals);

/// Throws Error(input_file) when it is missing, damaged or of another version.
CatalogueManifest load_manifest(const std::filesystem::path& folder);
/// Replaces it: the old one or the new one is there at any instant. Throws Error(storage).
void save_manifest(const std::filesystem::path& folder, const CatalogueManifest& manifest);

/// A digest of which rows a catalogue has: its list of segments, and the checksums of their rows and of the lists of removed
/// ones. Throws Error(input_file).
std::string catalogue_fingerprint(const std::filesystem::path& folder);

/// Reads the flags of a segment's removed rows. Throws Error(input_file).
std::vector<bool> load_removed(const std::filesystem::path& folder, const SegmentRecord& segment);
/// Writes them to a file that nobody reads before the manifest names it.
void save_removed(const std::filesystem::path& folder, const SegmentRecord& segment, const std::vector<bool>& removed);

/// Whether a file is one that imports and removals make and may delete: a regular file with just such a name (docs/catalogue.md).
bool is_catalogue_file(const std::filesystem::path& file);

/// Deletes those that the manifest does not name. Only for who holds the catalogue's lock.
void delete_leftovers(const std::filesystem::path& folder, const CatalogueManifest& manifest);

/// Keeps other writers out while it lives; readers are not kept out. The kernel holds it, so that it ends with the process.
class CatalogueLock {
 public:
  /// Nothing where the folder is missing. Throws Error(busy) at once when another process writes, Error(storage) when the
  /// folder cannot be written.
  static std::optional<CatalogueLock> take(const std::filesystem::path& folder);

  CatalogueLock(CatalogueLock&&) noexcept = default;
  CatalogueLock& operator=(CatalogueLock&&) noexcept = default;
  ~CatalogueLock() { file_.clear(); }

  /// Removes its file, while the lock is still held: whoever waits for it notices that the file has gone.
  void remove_file() const;

 private:
  CatalogueLock(std::filesystem::path path, LockFile file) : path_(std::move(path)), file_(std::move(file)) {}

  std::filesystem::path path_;
  LockFile file_;
};

}  // namespace dreamrunner
