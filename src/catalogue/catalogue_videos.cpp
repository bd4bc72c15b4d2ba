#include "catalogue/catalogue_videos.h"

#include "base/path_kind.h"
#include "catalogue/caption_source.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr const char* kEndings[] = {".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v"};

/// The file that a row's path names, where it has one.
std::optional<fs::path> find_by_path(const CaptionRow& row, const std::vector<fs::path>& folders) {
  if (row.path.empty()) return std::nullopt;
  const fs::path path(row.path);
  if (path.is_absolute()) return is_file(path) ? std::optional(path) : std::nullopt;
  for (const fs::path& folder : folders) {
    if (is_file(folder / path)) return folder / path;
  }
  return std::nullopt;
}

bool is_known_by_path_only(const CaptionRow& row) { return row.source == row.path; }

}  // namespace

std::optional<fs::path> find_video(const CaptionRow& row, const std::vector<fs::path>& folders) {
  if (auto found = find_by_path(row, folders)) return found;
  if (is_known_by_path_only(row)) return std::nullopt;
  for (const fs::path& folder : folders) {
    for (const char* ending : kEndings) {
      fs::path file = folder / (row.source + ending);
      if (is_file(file)) return file;
    }
  }
  return std::nullopt;
}

VideoCensus::VideoCensus(const std::vector<fs::path>& folders) : folders_(folders) {
  for (const fs::path& folder : folders) {
    std::error_code code;
    for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
      if (is_video_name(entry->path()) && is_file(entry->path())) stems_.insert(entry->path().stem().string());
    }
  }
}

bool VideoCensus::has(const CaptionRow& row) {
  // The clips of one video follow each other in the lists that people have.
  if (row.source != last_source_ || row.path != last_path_) {
    last_source_ = row.source;
    last_path_ = row.path;
    last_ = find_by_path(row, folders_).has_value() || (!is_known_by_path_only(row) && stems_.contains(row.source));
  }
  return last_;
}

}  // namespace dreamrunner
