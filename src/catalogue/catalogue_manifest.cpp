#include "catalogue/catalogue_manifest.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json.h"
#include "catalogue/index_file.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr int kSchema = 1;
constexpr IndexFileKind kRemovedKind{"removed", 1};
/// A segment needs about 200 bytes of the manifest.
constexpr JsonLimits kManifestLimits{.max_depth = 8, .max_bytes = 64 << 20};

[[noreturn]] void refuse(const fs::path& file, const std::string& what) {
  throw Error(ErrorKind::input_file, fmt::format("{}: {}", file.string(), what), kMakeCatalogueAnew);
}

template <typename Number>
Number number_in(const Json& object, const char* name, const fs::path& file, uint64_t most) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned() || found->get<uint64_t>() > most) {
    refuse(file, fmt::format("{}: found {}, a number up to {} expected", name, found == object.end() ? "nothing" : found->dump(), most));
  }
  return static_cast<Number>(found->get<uint64_t>());
}

bool are_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Whether `name` is PREFIX-NNNNNN, or PREFIX-NNNNNN-N... where removals are counted as well.
bool names_segment_file(std::string_view name, std::string_view prefix, bool counts_removals) {
  constexpr size_t kDigits = 6;
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  if (!are_digits(name.substr(0, kDigits)) || name.size() < kDigits) return false;
  name.remove_prefix(kDigits);
  return counts_removals ? name.starts_with('-') && are_digits(name.substr(1)) : name.empty();
}

/// A temporary file of `write_file_atomic` or of IndexSpool.
bool names_temporary_file(std::string_view name) {
  constexpr std::string_view kSpool = ".spool-";
  const bool is_spool = name.starts_with(kSpool) && name.size() == kSpool.size() + 6;
  return is_spool || (name.starts_with(".catalogue.json.") && name.ends_with(".tmp"));
}

std::string text_in(const Json& object, const char* name, const fs::path& file) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) refuse(file, fmt::format("{}: a text expected", name));
  return found->get<std::string>();
}

}  // namespace

uint64_t CatalogueManifest::rows() const {
  uint64_t sum = 0;
  for (const SegmentRecord& segment : segments) sum += segment.rows;
  return sum;
}

uint32_t CatalogueManifest::next_number() const {
  uint32_t last = 0;
  for (const SegmentRecord& segment : segments) last = std::max(last, segment.number);
  return last + 1;
}

fs::path manifest_file(const fs::path& folder) { return folder / "catalogue.json"; }
fs::path captions_file(const fs::path& folder, uint32_t segment) { return folder / fmt::format("captions-{:06}", segment); }
fs::path index_file(const fs::path& folder, uint32_t segment) { return folder / fmt::format("index-{:06}", segment); }
fs::path removed_file(const fs::path& folder, uint32_t segment, uint32_t removals) { return folder / fmt::format("removed-{:06}-{}", segment, removals); }

CatalogueManifest load_manifest(const fs::path& folder) {
  const fs::path file = manifest_file(folder);
  std::error_code code;
  if (!fs::exists(file, code)) {
    throw Error(ErrorKind::input_file, fmt::format("{}: no catalogue: it has no catalogue.json", folder.string()),
                fmt::format("`dreamrunner clips add {} --from LIST` makes one", folder.string()));
  }
  const Json json = read_json_file(file, kManifestLimits);
  if (!json.is_object()) refuse(file, "an object expected");
  if (const int schema = number_in<int>(json, "schema", file, 1'000'000); schema != kSchema) refuse(file, fmt::format("schema {}, {} expected", schema, kSchema));
  CatalogueManifest manifest;
  try {
    manifest.analyzer = analyzer_named(text_in(json, "analyzer", file));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::usage) refuse(file, error.what());
    throw;
  }
  for (const char* name : {"video_folders", "segments"}) {
    if (!json.contains(name) || !json.at(name).is_array()) refuse(file, fmt::format("{}: a list expected", name));
  }
  for (const Json& entry : json.at("video_folders")) {
    if (!entry.is_string()) refuse(file, "video_folders: texts expected");
    manifest.video_folders.push_back(entry.get<std::string>());
  }
  std::set<uint32_t> numbers;
  for (const Json& entry : json.at("segments")) {
    if (!entry.is_object()) refuse(file, "segments: objects expected");
    SegmentRecord segment;
    segment.number = number_in<uint32_t>(entry, "number", file, 999'999);
    segment.rows = number_in<uint64_t>(entry, "rows", file, UINT32_MAX);
    segment.words = number_in<uint64_t>(entry, "words", file, UINT64_MAX);
    segment.without_words = number_in<uint64_t>(entry, "without_words", file, segment.rows);
    segment.from = text_in(entry, "from", file);
    // Catalogues did not always keep this; where there is one folder it can only be that.
    if (entry.contains("videos")) segment.videos = text_in(entry, "videos", file);
    else if (manifest.video_folders.size() == 1) segment.videos = manifest.video_folders.front();
    segment.removals = number_in<uint32_t>(entry, "removals", file, UINT32_MAX);
    segment.removed = number_in<uint64_t>(entry, "removed", file, segment.rows);
    if (!numbers.insert(segment.number).second) refuse(file, fmt::format("segment {} comes twice", segment.number));
    manifest.segments.push_back(segment);
  }
  return manifest;
}

void save_manifest(const fs::path& folder, const CatalogueManifest& manifest) {
  Json json = {{"schema", kSchema}, {"analyzer", analyzer_name(manifest.analyzer)}, {"video_folders", manifest.video_folders}, {"segments", Json::array()}};
  for (const SegmentRecord& segment : manifest.segments) {
    Json& entry = json["segments"].emplace_back(
        Json{{"number", segment.number}, {"rows", segment.rows}, {"words", segment.words}, {"without_words", segment.without_words},
             {"from", segment.from}, {"removals", segment.removals}, {"removed", segment.removed}});
    if (!segment.videos.empty()) entry["videos"] = segment.videos;
  }
  write_file_atomic(manifest_file(folder), json.dump(2) + "\n");
}

std::string catalogue_fingerprint(const fs::path& folder) {
  std::string text = read_file(manifest_file(folder), 64 << 20);
  for (const SegmentRecord& segment : load_manifest(folder).segments) {
    text += index_footer(captions_file(folder, segment.number));
    if (segment.removals > 0) text += index_footer(removed_file(folder, segment.number, segment.removals));
  }
  return sha256_hex(text);
}

std::vector<bool> load_removed(const fs::path& folder, const SegmentRecord& segment) {
  std::vector<bool> removed;
  if (segment.removals == 0) return removed;
  const IndexFile file(removed_file(folder, segment.number, segment.removals), kRemovedKind);
  if (file.size() != (segment.rows + 7) / 8) file.fail("it has flags for another number of rows");
  const auto bytes = file.bytes(0, file.size());
  removed.resize(segment.rows);
  for (uint64_t row = 0; row < segment.rows; ++row) removed[row] = (bytes[row / 8] >> row % 8 & 1) != 0;
  return removed;
}

void save_removed(const fs::path& folder, const SegmentRecord& segment, const std::vector<bool>& removed) {
  std::string bytes((segment.rows + 7) / 8, '\0');
  for (uint64_t row = 0; row < segment.rows; ++row) {
    if (removed[row]) bytes[row / 8] = static_cast<char>(bytes[row / 8] | 1 << row % 8);
  }
  IndexFileWriter writer(removed_file(folder, segment.number, segment.removals), kRemovedKind);
  writer.write(bytes);
  writer.finish();
  sync_folder(folder);
}

bool is_catalogue_file(const fs::path& file) {
  const std::string name = file.filename().string();
  const bool is_named_so = names_segment_file(name, "captions-", false) || names_segment_file(name, "index-", false) ||
                           names_segment_file(name, "removed-", true) || names_temporary_file(name);
  std::error_code code;
  return is_named_so && fs::symlink_status(file, code).type() == fs::file_type::regular;
}

void delete_leftovers(const fs::path& folder, const CatalogueManifest& manifest) {
  std::set<fs::path> named;
  for (const SegmentRecord& segment : manifest.segments) {
    named.insert(captions_file(folder, segment.number));
    named.insert(index_file(folder, segment.number));
    if (segment.removals > 0) named.insert(removed_file(folder, segment.number, segment.removals));
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::error_code ignored;
    if (!named.contains(entry.path()) && is_catalogue_file(entry.path())) fs::remove(entry.path(), ignored);
  }
}

std::optional<CatalogueLock> CatalogueLock::take(const fs::path& folder) {
  const fs::path path = folder / "lock";
  for (;;) {
    std::optional<LockFile> file = LockFile::open(path);
    if (!file) return std::nullopt;
    if (!file->try_lock()) {
      throw Error(ErrorKind::busy, fmt::format("{}: another process is changing this catalogue: {}", folder.string(), file->holder()), "wait until it is done");
    }
    // An import that came to nothing may have removed the file between the two.
    if (file->is_named()) return CatalogueLock(path, std::move(*file));
  }
}

void CatalogueLock::remove_file() const {
  std::error_code ignored;
  fs::remove(path_, ignored);
}

}  // namespace dreamrunner
