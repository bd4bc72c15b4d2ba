#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "catalogue/caption_row.h"

namespace dreamrunner {

/// A video folder as catalogue.json has it: relative to the catalogue's where both lie in the same folder, so that they can be
/// moved together. A catalogue that is reached through a link lies where the link leads.
std::string video_folder_text(const std::filesystem::path& catalogue, const std::filesystem::path& videos);
/// The folder that such a text means, absolute.
std::filesystem::path video_folder_path(const std::filesystem::path& catalogue, const std::string& text);

/// Finds the file of a row's video: its path below each folder, then SOURCE.mp4, .webm and so on in each, in small letters or
/// in capitals. An absolute path is taken as it is. Only regular files count.
std::optional<std::filesystem::path> find_video(const CaptionRow& row, const std::vector<std::filesystem::path>& folders);

/// Whether a row whose videos lie in `known_folders` means the same video once it is listed with `folder`. Where it is known by
/// a relative path alone, that may be another one of the same name: it is, when both are there and are two files. A video that is
/// missing where it was listed is the same: its list is added again to say where it lies now.
bool is_same_video(const CaptionRow& known, const std::vector<std::filesystem::path>& known_folders, const std::filesystem::path& folder);

/// Whether `find_video` finds something, asked for millions of rows: each folder is listed once, and not asked again.
class VideoCensus {
 public:
  explicit VideoCensus(const std::vector<std::filesystem::path>& folders);
  bool has(const CaptionRow& row);

 private:
  std::vector<std::filesystem::path> folders_;
  std::set<std::string> stems_;   ///< Of the videos right in the folders.
  std::string last_source_, last_path_;
  bool last_ = false;
};

}  // namespace dreamrunner
