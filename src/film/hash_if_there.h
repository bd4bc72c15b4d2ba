#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/hash.h"
#include "base/path_kind.h"

namespace dreamrunner {

/// SHA-256 of a file, or nothing where there is none: two of them tell whether somebody changed it meanwhile. Throws
/// Error(storage).
inline std::optional<std::string> hash_if_there(const std::filesystem::path& file) {
  if (!is_file(file)) return std::nullopt;
  return sha256_of_file(file);
}

}  // namespace dreamrunner
