#include "retrieve/feature_cache.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/environment.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

// Raise it when the same inputs are looked at differently; everything is then looked at anew.
constexpr int kFeatureFormat = 2;
constexpr uint64_t kMostEntryBytes = 64 << 20;
// A file that is still being written is much younger.
constexpr std::chrono::hours kLeftBehind{1};

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
    if (entry.is_object() && entry.contains("inputs") && entry["inputs"] == inputs && entry.contains("value")) {
      fs::last_write_time(file, fs::file_time_type::clock::now(), code);  // For `tidy`; a folder that cannot be written is read all the same.
      return std::move(entry["value"]);
    }
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): what cannot be read is looked at again
  }
  return std::nullopt;
}

void FeatureCache::keep(const Json& inputs, const Json& value) const {
  const fs::path file = file_of(inputs);
  make_folders(file.parent_path());
  write_file_atomic(file, Json{{"inputs", inputs}, {"value", value}}.dump());
}

void FeatureCache::tidy(uint64_t most_bytes) const {
  struct Entry {
    fs::file_time_type used;
    uint64_t bytes;
    fs::path file;
  };
  std::vector<Entry> entries;
  uint64_t total = 0;
  const auto now = fs::file_time_type::clock::now();
  std::error_code code;
  for (fs::directory_iterator folder(folder_, code), end; !code && folder != end; folder.increment(code)) {
    std::error_code inner;
    // Only what this class writes: KEY[0..1]/KEY.json and the temporaries beside it.
    if (folder->path().filename().string().size() != 2 || !folder->is_directory(inner) || folder->is_symlink(inner)) continue;
    for (fs::directory_iterator file(folder->path(), inner), last; !inner && file != last; file.increment(inner)) {
      std::error_code gone;
      if (!file->is_regular_file(gone) || file->is_symlink(gone)) continue;
      const auto used = file->last_write_time(gone);
      if (gone) continue;
      const uint64_t bytes = file->file_size(gone);
      if (gone) continue;
      const std::string extension = file->path().extension().string();
      if (extension == ".tmp" && now - used > kLeftBehind) {
        fs::remove(file->path(), gone);
      } else if (extension == ".json") {
        entries.push_back({used, bytes, file->path()});
        total += bytes;
      }
    }
  }
  if (total <= most_bytes) return;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const Entry& entry : entries) {
    if (total <= most_bytes) break;
    std::error_code gone;
    if (fs::remove(entry.file, gone)) total -= entry.bytes;
  }
}

fs::path feature_cache_folder() {
  if (const std::string own = environment("DREAMRUNNER_CACHE"); !own.empty()) return fs::absolute(own) / "features";
  if (const std::string cache = environment("XDG_CACHE_HOME"); !cache.empty()) return fs::path(cache) / "dreamrunner" / "features";
  if (const std::string home = environment("HOME"); !home.empty()) return fs::path(home) / ".cache" / "dreamrunner" / "features";
  throw Error(ErrorKind::usage, "nowhere to keep what is seen in clips: HOME is not set", "set DREAMRUNNER_CACHE to a folder");
}

}  // namespace dreamrunner
