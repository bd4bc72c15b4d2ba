#include "media/video_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace dreamrunner {

// O_NONBLOCK: a FIFO answers at once instead of waiting for a writer.
VideoFile::VideoFile(const std::filesystem::path& path)
    : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {
  if (descriptor_.get() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) refuse("no such file");
    if (errno == ENXIO) refuse("not a regular file");  // A socket's name, or a device that is not there.
    throw Error(ErrorKind::storage, fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(errno)));
  }
  check();
}

VideoFile::VideoFile(Descriptor descriptor) : descriptor_(std::move(descriptor)) { check(); }

void VideoFile::check() {
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0 || !S_ISREG(status.st_mode)) refuse("not a regular file");
  size_ = status.st_size;
}

void VideoFile::refuse(const std::string& why) const { throw video_fault(path_, why); }

Error video_fault(const std::filesystem::path& path, const std::string& why) {
  return Error(ErrorKind::input_file, path.empty() ? why : fmt::format("{}: {}", path.string(), why));
}

}  // namespace dreamrunner
