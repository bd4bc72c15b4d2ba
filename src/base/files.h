#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace dreamrunner {

/// The whole content of a regular file of at most `limit` bytes. Throws Error(input_file) when it is missing, not a
/// regular file or larger, Error(storage) when reading fails.
std::string read_file(const std::filesystem::path& path, uint64_t limit);

/// Writes `bytes` to `path` so that a crash at any instant leaves the old file or the new one: temporary file in the same
/// folder, fsync, rename, fsync of the folder. Throws Error(storage) naming path and reason, leaving no temporary behind.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

/// Gives a finished temporary file its final name in the same way: fsync, rename, fsync of the folder. Throws Error(storage),
/// also where the name is that of a device, a pipe or a socket.
void commit_file(const std::filesystem::path& temporary, const std::filesystem::path& path);

/// A temporary name beside `path`, unique to this process: `.NAME.PID.N.tmp`.
std::filesystem::path temporary_beside(const std::filesystem::path& path);

/// Forces a folder's entries (new, renamed and deleted names) to the disk. Throws Error(storage).
void sync_folder(const std::filesystem::path& folder);

/// Makes a folder and its parents. Throws Error(storage).
void make_folders(const std::filesystem::path& path);

/// A file mapped read-only into memory for as long as the object lives. Throws Error(input_file) or Error(storage).
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace dreamrunner
