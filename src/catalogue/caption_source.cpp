#include "catalogue/caption_source.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/path_kind.h"
#include "catalogue/csv_reader.h"
#include "text/plain_text.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::pair<std::string_view, CaptionFormat>, 5> kFormats = {{{"auto", CaptionFormat::automatic},
                                                                               {"internvid", CaptionFormat::internvid},
                                                                               {"webvid", CaptionFormat::webvid},
                                                                               {"jsonl", CaptionFormat::jsonl},
                                                                               {"folder", CaptionFormat::folder}}};
/// How often `position` is told.
constexpr uint64_t kRowsBetweenPositions = 1024;
/// A row of JSON that is nested deeper is no row of captions.
constexpr JsonLimits kRowLimits{.max_depth = 8, .max_bytes = kMostRowBytes};

/// What an Error of parse_json says behind its origin and line, which are those of one row.
std::string json_fault(const Error& error) {
  std::string_view text = error.what();
  if (text.starts_with("row:1:")) return "column " + std::string(text.substr(6));
  if (text.starts_with("row: ")) text.remove_prefix(5);
  return std::string(text);
}

void require_internvid(const CaptionRow& row) {
  if (row.source == row.path) throw Error(ErrorKind::input_file, "YoutubeID: missing");
  if (!row.span.end) throw Error(ErrorKind::input_file, "End_timestamp: missing");
}

std::string_view text_of(const MappedFile& file) { return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}; }

/// The videos at any depth below a folder, relative to it, unsorted. A link that leads nowhere or round in a circle is none.
std::vector<fs::path> videos_below(const fs::path& folder) {
  std::vector<fs::path> videos;
  std::error_code code;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, code);
  for (; !code && entry != fs::recursive_directory_iterator(); entry.increment(code)) {
    if (is_video_name(entry->path()) && is_file(entry->path())) videos.push_back(entry->path().lexically_relative(folder));
  }
  if (code) throw Error(ErrorKind::storage, fmt::format("{}: cannot be searched for videos: {}", folder.string(), code.message()));
  return videos;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r") == std::string_view::npos; }

}  // namespace

CaptionFormat caption_format_named(std::string_view name) {
  for (const auto& [known, format] : kFormats) {
    if (known == name) return format;
  }
  throw Error(ErrorKind::usage, fmt::format("--format: found \"{}\", auto, internvid, webvid, jsonl or folder expected", name));
}

const char* caption_format_name(CaptionFormat format) {
  for (const auto& [name, known] : kFormats) {
    if (known == format) return name.data();
  }
  return "";
}

bool is_video_name(const fs::path& path) {
  const std::string ending = small_letters(path.extension().string());
  return std::find(kVideoEndings.begin(), kVideoEndings.end(), ending) != kVideoEndings.end();
}

void read_jsonl_captions(std::string_view text, const std::string& origin, CaptionFormat format, const CaptionListener& listener) {
  uint64_t line = 0;
  size_t at = text.size() - without_byte_order_mark(text).size();
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view row_text = text.substr(at, end - at);
    at = end + 1;
    if (++line % kRowsBetweenPositions == 0 && listener.position) listener.position(std::min(at, text.size()));
    if (is_blank(row_text)) continue;
    CaptionRow row;
    try {
      if (row_text.size() > kMostRowBytes) throw Error(ErrorKind::input_file, fmt::format("{} bytes, at most {} expected", row_text.size(), kMostRowBytes));
      row = row_of_values(parse_json(row_text, "row", kRowLimits));
      if (format == CaptionFormat::internvid) require_internvid(row);
    } catch (const Error& error) {
      listener.fault(fmt::format("{}:{}: {}", origin, line, json_fault(error)));
      continue;
    }
    listener.row(std::move(row));
  }
}

void read_csv_captions(std::string_view text, const std::string& origin, const CaptionListener& listener) {
  CsvReader reader(text, CsvReader::guess_separator(text), kMostRowBytes);
  std::vector<std::string> names;
  try {
    if (!reader.next(names)) throw Error(ErrorKind::input_file, "empty, a first row with names expected");
    for (std::string& name : names) {
      if (!is_utf8(name)) throw Error(ErrorKind::input_file, "the first row is not UTF-8");
      name = std::string(trimmed(name, " \t"));
    }
    std::unordered_set<std::string> seen;
    for (const std::string& name : names) {
      if (!name.empty() && !seen.insert(small_letters(name)).second) throw Error(ErrorKind::input_file, fmt::format("the name \"{}\" comes twice", name));
    }
    if (std::none_of(names.begin(), names.end(), names_a_caption)) throw Error(ErrorKind::input_file, "no column is called caption, name or text");
    if (std::none_of(names.begin(), names.end(), names_a_video)) throw Error(ErrorKind::input_file, "no column is called path, video, file or videoid");
  } catch (const Error& error) {
    throw Error(ErrorKind::input_file, fmt::format("{}:1: {}", origin, error.what()), "the first row of a CSV names its columns, such as videoid,name");
  }
  std::vector<std::string> values;
  uint64_t rows = 0;
  while (true) {
    CaptionRow row;
    try {
      if (!reader.next(values)) break;
      if (++rows % kRowsBetweenPositions == 0 && listener.position) listener.position(reader.position());
      while (values.size() > names.size() && values.back().empty()) values.pop_back();
      if (values.size() != names.size() && !(values.size() + 1 == names.size() && names.back().empty())) {
        throw Error(ErrorKind::input_file, fmt::format("{} values, {} expected", values.size(), names.size()));
      }
      Json object = Json::object();
      for (size_t i = 0; i < values.size(); ++i) {
        if (!is_utf8(values[i])) throw Error(ErrorKind::input_file, fmt::format("{}: not UTF-8", names[i]));
        if (!names[i].empty()) object[names[i]] = values[i];
      }
      row = row_of_values(object);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::input_file) throw;
      listener.fault(fmt::format("{}:{}: {}", origin, reader.line(), error.what()));
      continue;
    }
    listener.row(std::move(row));
  }
}

void read_caption_folder(const fs::path& folder, const CaptionListener& listener) {
  std::vector<fs::path> videos = videos_below(folder);
  std::sort(videos.begin(), videos.end());
  uint64_t done = 0;
  for (const fs::path& video : videos) {
    if (listener.position) listener.position(done);
    ++done;
    CaptionRow row;
    fs::path text = folder / video;
    text.replace_extension(".txt");
    try {
      const std::string written = read_file(text, kMostRowBytes);
      const std::string caption(trimmed(without_byte_order_mark(written), " \t\r\n"));
      if (!is_utf8(caption) || !is_utf8(video.string())) throw Error(ErrorKind::input_file, fmt::format("{}: not UTF-8", text.string()));
      row = row_of_values({{"path", video.string()}, {"caption", caption}});
    } catch (const Error& error) {
      listener.fault(fmt::format("{}: {}", (folder / video).string(), error.what()));
      continue;
    }
    listener.row(std::move(row));
  }
}

CaptionFormat detect_caption_format(const fs::path& from) {
  std::error_code code;
  if (fs::is_directory(from, code)) return CaptionFormat::folder;
  if (!fs::exists(from, code)) throw Error(ErrorKind::input_file, fmt::format("{}: no such file or folder", from.string()));
  const std::string ending = small_letters(from.extension().string());
  if (ending == ".csv" || ending == ".tsv") return CaptionFormat::webvid;
  const MappedFile file(from);
  std::string_view text = without_byte_order_mark(text_of(file));
  const size_t begin = text.find_first_not_of(" \t\r\n");
  text = begin == std::string_view::npos ? "" : text.substr(begin);
  const std::string_view first = text.substr(0, std::min(text.find('\n'), kMostRowBytes));
  return first.find("\"YoutubeID\"") != std::string_view::npos ? CaptionFormat::internvid : CaptionFormat::jsonl;
}

uint64_t caption_source_size(const fs::path& from, CaptionFormat format) {
  if (format == CaptionFormat::folder) return is_folder(from) ? videos_below(from).size() : 0;
  std::error_code code;
  const auto size = fs::file_size(from, code);
  return code ? 0 : size;
}

void read_captions(const fs::path& from, CaptionFormat format, const CaptionListener& listener) {
  if (format == CaptionFormat::automatic) format = detect_caption_format(from);
  std::error_code code;
  const bool folder = fs::is_directory(from, code);
  if (folder != (format == CaptionFormat::folder)) {
    throw Error(ErrorKind::input_file, fmt::format("{}: a {} expected, found a {}", from.string(), folder ? "file" : "folder", folder ? "folder" : "file"));
  }
  if (folder) return read_caption_folder(from, listener);
  const MappedFile file(from);
  const std::string_view text = text_of(file);
  if (format == CaptionFormat::webvid) read_csv_captions(text, from.string(), listener);
  else read_jsonl_captions(text, from.string(), format, listener);
}

}  // namespace dreamrunner
