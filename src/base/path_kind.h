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

/// What is at `path`, links followed; not_found where nothing is. Throws Error(storage) where that cannot be told, such as in
/// a folder that may not be read: "not there" would be a lie that loses somebody's work.
std::filesystem::file_status look_at(const std::filesystem::path& path);

/// Whether anything is at `path`. Throws as `look_at`.
inline bool is_there(const std::filesystem::path& path) { return std::filesystem::exists(look_at(path)); }

}  // namespace dreamrunner
