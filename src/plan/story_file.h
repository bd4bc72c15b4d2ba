#pragma once

#include <filesystem>
#include <string>

namespace dreamrunner {

/// The text of a story that a person wrote, script or prose, without a byte order mark. Throws Error(input_file) for a file
/// that cannot be read, is larger than 1 MiB, or is no text in UTF-8.
std::string read_story_file(const std::filesystem::path& file);

}  // namespace dreamrunner
