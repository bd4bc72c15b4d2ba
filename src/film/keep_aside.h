#pragma once

#include <filesystem>

namespace dreamrunner {

/// Renames a file whose bytes the program did not write, so that a person can look at it: NAME.bad, or the first of NAME.bad2,
/// NAME.bad3, ... that is free. On the disk when it returns. Returns the new path; throws Error(storage).
std::filesystem::path keep_aside(const std::filesystem::path& path);

}  // namespace dreamrunner
