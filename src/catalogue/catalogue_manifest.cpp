#include "catalogue/catalogue_manifest.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
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
  throw Error(ErrorKind::input_file, fmt::format("{}: {}", file.string(), what), "make the catalogue anew with `dreamrunner clips add`");
}

template <typename Number>
Number number_in(const Json& object, const char* name, const fs::path& file, uint64_t most) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned() || found->get<uint64_t>() > most) {
    refuse(file, fmt::format("{}: found {}, a number up to {} expected", name, found == object.end() ? "nothing" : found->dump(), most));
  }
  return static_cast<Number>(found->get<uint64_t>());
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
    json["segments"].push_back({{"number", segment.number}, {"rows", segment.rows}, {"words", segment.words}, {"without_words", segment.without_words},
                                {"from", segment.from}, {"removals", segment.removals}, {"removed", segment.removed}});
  }
  write_file_atomic(manifest_file(folder), json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
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

void delete_leftovers(const fs::path& folder, const CatalogueManifest& manifest) {
  std::set<fs::path> named;
  for (const SegmentRecord& segment : manifest.segments) {
    named.insert(captions_file(folder, segment.number));
    named.insert(index_file(folder, segment.number));
    if (segment.removals > 0) named.insert(removed_file(folder, segment.number, segment.removals));
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool ours = name.starts_with("captions-") || name.starts_with("index-") || name.starts_with("removed-") || name.starts_with(".spool-") ||
                      (name.starts_with(".catalogue.json.") && name.ends_with(".tmp"));
    std::error_code ignored;
    if (ours && !named.contains(entry.path())) fs::remove(entry.path(), ignored);
  }
}

CatalogueLock::CatalogueLock(const fs::path& folder) {
  const fs::path file = folder / "lock";
  fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) throw Error(ErrorKind::storage, fmt::format("{}: cannot be made: {}", file.string(), std::strerror(errno)));
  while (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    const int reason = errno;
    ::close(std::exchange(fd_, -1));
    if (reason != EWOULDBLOCK) throw Error(ErrorKind::storage, fmt::format("{}: cannot be locked: {}", file.string(), std::strerror(reason)));
    throw Error(ErrorKind::busy, fmt::format("{}: another process is changing this catalogue", folder.string()), "wait until it is done");
  }
}

CatalogueLock::~CatalogueLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace dreamrunner
