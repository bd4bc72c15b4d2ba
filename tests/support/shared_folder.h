#pragma once

#include <filesystem>
#include <string>

namespace dreamrunner::test {

/// The folder `shared` beside the checkout (design notes, real plans). A stranger's clone has none: tests that read it
/// skip and say so.
inline std::filesystem::path shared_folder() { return std::filesystem::path(DREAMRUNNER_SOURCE_DIR).parent_path() / "shared"; }

inline bool has_shared_folder() { return std::filesystem::exists(shared_folder() / "plans"); }

}  // namespace dreamrunner::test
