#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace dreamrunner {

/// A file that stands for a lock. The kernel holds the lock (`flock`), so it ends with the process, however that ends; the
/// file's text (pid and host) is for people only.
class LockFile {
 public:
  /// Opens the file, making it where it is absent; a link is not followed. Nothing where its folder is missing. Does not lock.
  /// Throws Error(storage).
  static std::optional<LockFile> open(const std::filesystem::path& path);

  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;
  ~LockFile();  ///< Closes the file, which ends the lock.

  /// Takes the lock and writes this process's name into the file; false while another process holds it. Throws Error(storage).
  bool try_lock();
  /// Whether the file is still the one of that name: another process may have removed it before it was locked.
  bool is_named() const;
  /// Who holds it, in words: "process 4711 on anvil".
  std::string holder() const;
  /// Empties the file; done before a lock ends whose file stays.
  void clear();

 private:
  LockFile(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace dreamrunner
