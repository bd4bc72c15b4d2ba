#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace dreamrunner {

/// SHA-256 of files, remembered from run to run for large ones, so that looking at a film does not read gigabytes of clips
/// each time. What is remembered counts only while a file's size, inode, time of change and time of modification are those
/// that were seen; and only for files that had not been touched for a while when they were read, since a change within the
/// clock's grain would not show.
class FileHashes {
 public:
  /// Smaller files are always read.
  static constexpr uint64_t kLarge = 1 << 20;

  FileHashes() = default;
  /// Reads what an earlier run left at `file`; what cannot be read is nothing.
  explicit FileHashes(std::filesystem::path file);

  /// 64 hexadecimal digits. Throws Error(storage).
  std::string sha256(const std::filesystem::path& path);

  /// Writes what is new. Throws Error(storage).
  void save();

 private:
  struct Entry {
    std::string stamp;  ///< Size, inode and times as text.
    std::string sha256;
  };
  std::filesystem::path file_;
  std::map<std::string, Entry> entries_;
  bool changed_ = false;
};

}  // namespace dreamrunner
