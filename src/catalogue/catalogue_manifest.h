#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "catalogue/analyzer.h"

namespace dreamrunner {

/// A part of a catalogue: the rows of one import, or of 2 million rows of it.
struct SegmentRecord {
  uint32_t number = 0;         ///< Names its files; never used twice.
  uint64_t rows = 0;
  uint64_t words = 0;
  uint64_t without_words = 0;  ///< Rows whose caption has none.
  std::string from;            ///< The list that it was made from, for people.
  uint32_t removals = 0;       ///< How often rows were removed: names the file that says which; 0 for none.
  uint64_t removed = 0;        ///< Rows that are gone.
};

/// catalogue.json: what belongs to the catalogue. Whatever else lies in its folder is a leftover of an import that did not
/// end. Replacing this file is what commits an import or a removal.
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

/// Deletes files of segments and removals that the manifest does not name. Only for who holds the catalogue's lock.
void delete_leftovers(const std::filesystem::path& folder, const CatalogueManifest& manifest);

/// Keeps other writers out while it lives; readers are not kept out. The kernel holds it (`flock`), so that it ends with the
/// process.
class CatalogueLock {
 public:
  /// Throws Error(busy) at once when another process writes, Error(storage) when the folder cannot be written.
  explicit CatalogueLock(const std::filesystem::path& folder);
  ~CatalogueLock();
  CatalogueLock(const CatalogueLock&) = delete;
  CatalogueLock& operator=(const CatalogueLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace dreamrunner
