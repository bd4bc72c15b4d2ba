#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "base/error.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// Names that are tried for a temporary file.
constexpr int kMostNames = 100;

/// Opens for reading; O_NONBLOCK so that a FIFO answers at once instead of waiting for a writer.
Descriptor open_regular(const fs::path& path, uint64_t& size) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) throw Error(ErrorKind::input_file, fmt::format("{}: no such file", path.string()));
    throw storage_error(path, "cannot be opened");
  }
  size = regular_file_size(fd.get(), path);
  return fd;
}

/// The first number of this process's temporary files. Any: in containers that share a folder, processes may share an id.
uint32_t first_number() {
  uint32_t number = 0;
  // Without it the id alone tells them apart, and whoever makes a file tries the next name.
  if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number) return 0;
  return number;
}

/// Makes a new file beside `path`; its name and descriptor.
std::pair<fs::path, int> new_file_beside(const fs::path& path) {
  for (int tried = 1;; ++tried) {
    fs::path temporary = temporary_beside(path);
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) return {std::move(temporary), fd};
    // Left behind by a process that had the same id, or in use by one that has it now.
    if (errno != EEXIST || tried == kMostNames) throw storage_error(path, "cannot be written");
  }
}

}  // namespace

Error storage_error(const fs::path& path, const char* what) {
  const int code = errno;
  return Error(ErrorKind::storage, fmt::format("{}: {}: {}", path.string(), what, std::strerror(code)));
}

uint64_t regular_file_size(int fd, const fs::path& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) throw storage_error(path, "cannot be looked at");
  if (!S_ISREG(info.st_mode)) throw Error(ErrorKind::input_file, fmt::format("{}: not a regular file", path.string()));
  return static_cast<uint64_t>(info.st_size);
}

void write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw storage_error(path, "cannot be written");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

std::string read_file(const fs::path& path, uint64_t limit) {
  uint64_t size = 0;
  const Descriptor fd = open_regular(path, size);
  if (size > limit) {
    throw Error(ErrorKind::input_file, fmt::format("{}: {} bytes, at most {} expected", path.string(), size, limit));
  }
  std::string content(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(fd.get(), content.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw storage_error(path, "cannot be read");
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  content.resize(done);
  return content;
}

fs::path temporary_beside(const fs::path& path) {
  static std::atomic<uint64_t> counter{first_number()};
  return path.parent_path() / fmt::format(".{}.{}.{}.tmp", path.filename().string(), ::getpid(), counter++);
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  const auto [temporary, opened] = new_file_beside(path);
  const Descriptor fd(opened);
  try {
    write_all(fd.get(), bytes, path);
    commit_file(temporary, path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void commit_file(const fs::path& temporary, const fs::path& path) {
  // A name that leads to a device or a pipe would lose it: as root, /dev/null of the whole machine.
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode) && !S_ISLNK(there.st_mode) && !S_ISDIR(there.st_mode)) {
    throw Error(ErrorKind::storage, fmt::format("{}: cannot be replaced: not a regular file", path.string()));
  }
  {
    const Descriptor fd(::open(temporary.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0 || ::fsync(fd.get()) != 0) throw storage_error(temporary, "cannot be synchronised");
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) throw storage_error(path, "cannot be replaced");
  sync_folder(path.parent_path());
}

void sync_folder(const fs::path& folder) {
  const Descriptor fd(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) throw storage_error(folder, "cannot be synchronised");
}

void make_folders(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code) throw Error(ErrorKind::storage, fmt::format("{}: cannot be made: {}", path.string(), code.message()));
}

MappedFile::MappedFile(const fs::path& path) : path_(path) {
  uint64_t size = 0;
  const Descriptor fd = open_regular(path, size);
  size_ = size;
  if (size == 0) return;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED) throw storage_error(path, "cannot be mapped");
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace dreamrunner
