#include "base/path_kind.h"

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace fs = std::filesystem;

fs::file_status look_at(const fs::path& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  // A name too long to be a file's cannot be there.
  if (status.type() == fs::file_type::not_found || code == std::errc::filename_too_long) return fs::file_status(fs::file_type::not_found);
  if (status.type() == fs::file_type::none) throw Error(ErrorKind::storage, fmt::format("{}: cannot be looked at: {}", path.string(), code.message()));
  return status;
}

}  // namespace dreamrunner
