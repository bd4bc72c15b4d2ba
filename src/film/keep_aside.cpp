#include "film/keep_aside.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"

namespace dreamrunner {
namespace fs = std::filesystem;

fs::path keep_aside(const fs::path& path) {
  std::error_code code;
  fs::path kept = path.string() + ".bad";
  for (int number = 2; fs::exists(fs::symlink_status(kept, code)); ++number) kept = fmt::format("{}.bad{}", path.string(), number);
  fs::rename(path, kept, code);
  if (code) throw Error(ErrorKind::storage, fmt::format("{}: cannot be renamed to {}: {}", path.string(), kept.string(), code.message()));
  sync_folder(path.parent_path());
  return kept;
}

}  // namespace dreamrunner
