#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "catalogue/caption_row.h"

namespace dreamrunner {

/// How a list of clips is written.
enum class CaptionFormat { automatic, internvid, webvid, jsonl, folder };

/// "auto", "internvid", "webvid", "jsonl" or "folder". Throws Error(usage).
CaptionFormat caption_format_named(std::string_view name);
const char* caption_format_name(CaptionFormat format);

/// Who is told what a list holds, in its order.
struct CaptionListener {
  std::function<void(CaptionRow&&)> row;
  std::function<void(const std::string&)> fault;  ///< A bad row: "FILE:LINE: what is wrong".
  std::function<void(uint64_t)> position;         ///< Bytes read so far (files in a folder); may throw to stop.
};

/// One JSON object a line. InternVid's rows must name video, span and caption; plain ones at least path and caption.
void read_jsonl_captions(std::string_view text, const std::string& origin, CaptionFormat format, const CaptionListener& listener);

/// Comma-separated values whose first row names them. Semicolons and tabs separate as well, when the first row has them.
/// Throws Error(input_file) when that row names no caption or no video.
void read_csv_captions(std::string_view text, const std::string& origin, const CaptionListener& listener);

/// The videos below a folder, each with its caption in a .txt of the same name beside it; sorted by path.
void read_caption_folder(const std::filesystem::path& folder, const CaptionListener& listener);

/// What a file or folder is: a folder is one; .csv and .tsv are WebVid's; other files are InternVid's where the first row has
/// a YoutubeID, plain JSON lines otherwise. Throws Error(input_file) when there is nothing.
CaptionFormat detect_caption_format(const std::filesystem::path& from);

/// Reads any of them. A list is mapped, not loaded. Throws Error(input_file) for what cannot be read at all.
void read_captions(const std::filesystem::path& from, CaptionFormat format, const CaptionListener& listener);

/// What `position` counts to.
uint64_t caption_source_size(const std::filesystem::path& from, CaptionFormat format);

/// What the names of videos end with.
constexpr std::array<std::string_view, 6> kVideoEndings = {".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v"};

/// Whether a name ends so, in small letters or in capitals.
bool is_video_name(const std::filesystem::path& path);

}  // namespace dreamrunner
