#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "catalogue/caption_row.h"

namespace dreamrunner {

/// Finds the file of a row's video: its path below each folder, then SOURCE.mp4, .webm and so on in each. An absolute path
/// is taken as it is. Only regular files count.
std::optional<std::filesystem::path> find_video(const CaptionRow& row, const std::vector<std::filesystem::path>& folders);

/// The same question for millions of rows: each folder is listed once, and not asked again.
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
