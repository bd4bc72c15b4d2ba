#pragma once

#include <filesystem>

namespace dreamrunner {

/// True for a regular file, links followed; false for what is not there or cannot be looked at.
inline bool is_file(const std::filesystem::path& path) {
  std::error_code code;
  return std::filesystem::is_regular_file(path, code);
}

/// The same for a folder.
inline bool is_folder(const std::filesystem::path& path) {
  std::error_code code;
  return std::filesystem::is_directory(path, code);
}

}  // namespace dreamrunner
