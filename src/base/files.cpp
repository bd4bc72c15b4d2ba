#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Error storage_error(const fs::path& path, const char* what) {
  const int code = errno;
  return Error(ErrorKind::storage, fmt::format("{}: {}: {}", path.string(), what, std::strerror(code)));
}

/// Opens for reading; O_NONBLOCK so that a FIFO answers at once instead of waiting for a writer.
int open_regular(const fs::path& path, uint64_t& size) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) throw Error(ErrorKind::input_file, fmt::format("{}: no such file", path.string()));
    throw storage_error(path, "cannot be opened");
  }
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    throw Error(ErrorKind::input_file, fmt::format("{}: not a regular file", path.string()));
  }
  size = static_cast<uint64_t>(info.st_size);
  return fd;
}

}  // namespace

std::string read_file(const fs::path& path, uint64_t limit) {
  uint64_t size = 0;
  const Descriptor fd(open_regular(path, size));
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
  static std::atomic<unsigned> counter{0};
  return path.parent_path() / fmt::format(".{}.{}.{}.tmp", path.filename().string(), ::getpid(), counter++);
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  const fs::path temporary = temporary_beside(path);
  try {
    const Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (fd.get() < 0) throw storage_error(path, "cannot be written");
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = ::write(fd.get(), bytes.data() + done, bytes.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw storage_error(path, "cannot be written");
      done += static_cast<size_t>(n);
    }
    commit_file(temporary, path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void commit_file(const fs::path& temporary, const fs::path& path) {
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
  const Descriptor fd(open_regular(path, size));
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
