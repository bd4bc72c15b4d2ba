#pragma once

#include <filesystem>
#include <string>

namespace dreamrunner {

/// `text` as a path; a leading `~/` means the home folder, as a shell would have it: in a settings file nobody expands it, and a
/// folder that is really called "~" is a trap.
std::filesystem::path expand_home(const std::string& text);

}  // namespace dreamrunner
