#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace dreamrunner {

/// A file descriptor that is closed with its owner. -1: none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Descriptor() { close(); }

  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

/// "PATH: WHAT: " and the system's words for `errno`.
Error storage_error(const std::filesystem::path& path, const char* what);

/// The size of the regular file behind `fd`. Throws Error(input_file) naming `path` for anything else, Error(storage) where that
/// cannot be told.
uint64_t regular_file_size(int fd, const std::filesystem::path& path);

/// Writes all of the bytes. Throws Error(storage) naming `path`.
void write_all(int fd, std::string_view bytes, const std::filesystem::path& path);

}  // namespace dreamrunner
