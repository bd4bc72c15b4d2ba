#include "catalogue/catalogue_videos.h"

#include <algorithm>

#include "base/path_kind.h"
#include "catalogue/caption_source.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

std::string in_capitals(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  return text;
}

/// What may stand behind a source: cameras write capitals.
const std::vector<std::string>& endings_of_sources() {
  static const std::vector<std::string> endings = [] {
    std::vector<std::string> all;
    for (const std::string_view ending : kVideoEndings) {
      all.emplace_back(ending);
      all.push_back(in_capitals(std::string(ending)));
    }
    return all;
  }();
  return endings;
}

bool ends_as_source(const fs::path& file) {
  const auto& endings = endings_of_sources();
  return std::find(endings.begin(), endings.end(), file.extension().string()) != endings.end();
}

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

/// The folder by its true name, whatever links lead to its parent; a link in its own place keeps its name, since it may lead
/// elsewhere tomorrow.
fs::path settled(const fs::path& folder) {
  const fs::path name = folder.filename();
  if (name.empty() || name == "." || name == "..") return fs::weakly_canonical(folder);
  return fs::weakly_canonical(fs::absolute(folder).parent_path()) / name;
}

}  // namespace

std::string video_folder_text(const fs::path& catalogue, const fs::path& videos) {
  const fs::path place = settled(videos);
  const fs::path relative = place.lexically_relative(fs::weakly_canonical(catalogue));
  const auto ups = std::count(relative.begin(), relative.end(), "..");
  return !relative.empty() && ups <= 1 ? relative.string() : place.string();
}

fs::path video_folder_path(const fs::path& catalogue, const std::string& text) { return (fs::weakly_canonical(catalogue) / text).lexically_normal(); }

std::optional<fs::path> find_video(const CaptionRow& row, const std::vector<fs::path>& folders) {
  if (auto found = find_by_path(row, folders)) return found;
  if (is_known_by_path_only(row)) return std::nullopt;
  for (const fs::path& folder : folders) {
    for (const std::string& ending : endings_of_sources()) {
      fs::path file = folder / (row.source + ending);
      if (is_file(file)) return file;
    }
  }
  return std::nullopt;
}

bool is_same_video(const CaptionRow& known, const std::vector<fs::path>& known_folders, const fs::path& folder) {
  if (!is_known_by_path_only(known) || fs::path(known.path).is_absolute()) return true;
  if (known_folders == std::vector{folder}) return true;
  const auto there = find_by_path(known, known_folders);
  std::error_code code;
  return !there || fs::equivalent(*there, folder / known.path, code);
}

VideoCensus::VideoCensus(const std::vector<fs::path>& folders) : folders_(folders) {
  for (const fs::path& folder : folders) {
    std::error_code code;
    for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
      const fs::path& file = entry->path();
      if (ends_as_source(file) && is_file(file)) stems_.insert(file.stem().string());
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
