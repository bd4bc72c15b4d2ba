#include <string_view>

#include <fmt/format.h>

#include "stages/model_location.h"

// Apart from the search for models, which belongs to the program: the engine names them too.
namespace dreamrunner {
namespace fs = std::filesystem;

std::string model_name(const fs::path& folder) {
  const fs::path plain = folder.has_filename() ? folder : folder.parent_path();
  const std::string repository = plain.parent_path().parent_path().filename().string();
  constexpr std::string_view kPrefix = "models--", kSlash = "--";
  const size_t slash = repository.starts_with(kPrefix) ? repository.find(kSlash, kPrefix.size()) : std::string::npos;
  if (plain.parent_path().filename() != "snapshots" || slash == std::string::npos) return plain.filename().string();
  return fmt::format("{}/{}", repository.substr(kPrefix.size(), slash - kPrefix.size()), repository.substr(slash + kSlash.size()));
}

}  // namespace dreamrunner
