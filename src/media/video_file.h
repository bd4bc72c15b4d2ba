#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/descriptor.h"
#include "base/error.h"

namespace dreamrunner {

/// A video opened for reading: a regular file, and a descriptor that can do nothing but read it.
class VideoFile {
 public:
  /// Throws Error(input_file) when `path` is missing or no regular file, Error(storage) when it cannot be opened.
  explicit VideoFile(const std::filesystem::path& path);
  /// A file that somebody else has opened. Its errors name no path: the process that decodes is not told it.
  explicit VideoFile(Descriptor descriptor);

  int descriptor() const { return descriptor_.get(); }
  int64_t size() const { return size_; }
  /// Empty where it is not known.
  const std::filesystem::path& path() const { return path_; }

  [[noreturn]] void refuse(const std::string& why) const;

 private:
  void check();

  std::filesystem::path path_;
  Descriptor descriptor_;
  int64_t size_ = 0;
};

/// Error(input_file) "PATH: WHY", or "WHY" where the path is not known.
Error video_fault(const std::filesystem::path& path, const std::string& why);

}  // namespace dreamrunner
