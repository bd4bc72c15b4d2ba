#include "base/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, int reason) {
  throw Error(ErrorKind::storage, fmt::format("{}: {}: {}", path.string(), what, std::strerror(reason)));
}

std::string own_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) std::strcpy(host.data(), "unknown");
  return fmt::format("process {} on {}\n", ::getpid(), host.data());
}

}  // namespace

std::optional<LockFile> LockFile::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0 && errno == ENOENT) return std::nullopt;
  if (fd < 0) fail(path, "cannot be opened", errno);
  return LockFile(path, fd);
}

LockFile::LockFile(LockFile&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

LockFile::~LockFile() {
  if (fd_ >= 0) ::close(fd_);
}

bool LockFile::try_lock() {
  while (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) fail(path_, "cannot be locked", errno);
  }
  // Information for people: a full disk is no error here, it must not keep a run out that may only read.
  const std::string name = own_name();
  if (::ftruncate(fd_, 0) == 0) [[maybe_unused]] const ssize_t ignored = ::pwrite(fd_, name.data(), name.size(), 0);
  return true;
}

bool LockFile::is_named() const {
  struct stat held {};
  struct stat named {};
  return ::fstat(fd_, &held) == 0 && ::stat(path_.c_str(), &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

std::string LockFile::holder() const {
  // The holder writes its name a moment after it has the lock; a loser that comes in between waits for it a little.
  for (int attempt = 0; attempt < 20; ++attempt) {
    std::array<char, 256> text{};
    const ssize_t size = ::pread(fd_, text.data(), text.size(), 0);
    if (size > 0 && text[static_cast<size_t>(size) - 1] == '\n') return std::string(text.data(), static_cast<size_t>(size) - 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return "a process that has not said its name";
}

void LockFile::clear() { [[maybe_unused]] const int result = ::ftruncate(fd_, 0); }

}  // namespace dreamrunner
