#include "retrieve/feature_cache.h"

#include <cstdlib>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

// Raise it when the same inputs are looked at differently; everything is then looked at anew.
constexpr int kFeatureFormat = 1;
constexpr uint64_t kMostEntryBytes = 64 << 20;

}  // namespace

fs::path FeatureCache::file_of(const Json& inputs) const {
  const std::string key = sha256_hex(Json{{"format", kFeatureFormat}, {"inputs", inputs}}.dump());
  return folder_ / key.substr(0, 2) / (key + ".json");
}

std::optional<Json> FeatureCache::find(const Json& inputs) const {
  const fs::path file = file_of(inputs);
  std::error_code code;
  if (!fs::exists(file, code)) return std::nullopt;
  try {
    Json entry = read_json_file(file, {.max_bytes = kMostEntryBytes});
    // The inputs stand beside the value: an entry that was moved or damaged is not believed.
    if (entry.is_object() && entry.contains("inputs") && entry["inputs"] == inputs && entry.contains("value")) return std::move(entry["value"]);
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): what cannot be read is looked at again
  }
  return std::nullopt;
}

void FeatureCache::keep(const Json& inputs, const Json& value) const {
  const fs::path file = file_of(inputs);
  make_folders(file.parent_path());
  write_file_atomic(file, Json{{"inputs", inputs}, {"value", value}}.dump());
}

fs::path feature_cache_folder() {
  const auto variable = [](const char* name) -> std::string {
    const char* const value = std::getenv(name);
    return value != nullptr ? value : "";
  };
  if (const std::string own = variable("DREAMRUNNER_CACHE"); !own.empty()) return fs::absolute(own) / "features";
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty()) return fs::path(cache) / "dreamrunner" / "features";
  if (const std::string home = variable("HOME"); !home.empty()) return fs::path(home) / ".cache" / "dreamrunner" / "features";
  throw Error(ErrorKind::usage, "nowhere to keep what is seen in clips: HOME is not set", "set DREAMRUNNER_CACHE to a folder");
}

}  // namespace dreamrunner
