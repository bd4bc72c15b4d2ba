#include "film/retrieved_motion.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/path_kind.h"
#include "media/png.h"
#include "retrieve/clip_fate.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr int kClipsSchema = 1;
// 100,000 candidates, the most that can be asked for, take 62 MB and their captions.
constexpr uint64_t kMostReportBytes = 512 << 20;

/// Nothing where `json` is no object, or the value no text.
std::string text_of(const Json& json, const char* key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  return json.is_object() && found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<uint64_t> whole_of(const Json& json, const char* key) {
  if (!json.is_object() || !json.contains(key) || !json[key].is_number_unsigned()) return std::nullopt;
  return json[key].get<uint64_t>();
}

Json list_or_empty(const Json& json, const char* key) { return json.contains(key) && json[key].is_array() ? json[key] : Json::array(); }

/// An editor may put the keys of an entry in another order.
bool same(const Json& a, const Json& b) { return nlohmann::json(a) == nlohmann::json(b); }

bool holds(const Json& list, const Json& value) {
  return std::any_of(list.begin(), list.end(), [&](const Json& one) { return same(one, value); });
}

Json read_object(const fs::path& file, const char* hint, const JsonLimits& limits) {
  Json json = read_json_file(file, limits);
  if (!json.is_object()) throw Error(ErrorKind::input_file, fmt::format("{}: found {}, an object expected", file.string(), json.type_name()), hint);
  return json;
}

Json read_list(const fs::path& file) {
  constexpr const char* kHint = "mend it, or delete it to have the clips retrieved anew";
  const Json json = read_object(file, kHint, {});
  if (!json.contains("clips")) throw Error(ErrorKind::input_file, fmt::format("{}: clips: missing, a list expected", file.string()), kHint);
  if (!json["clips"].is_array()) throw Error(ErrorKind::input_file, fmt::format("{}: clips: found {}, a list expected", file.string(), json["clips"].type_name()), kHint);
  return json["clips"];
}

void take_report(const Json& report, RetrievedMotion& motion) {
  motion.reported = true;
  motion.key = text_of(report, "key");
  for (const Json& mark : list_or_empty(report, "removed")) {
    if (!text_of(mark, "id").empty()) motion.removed_before.push_back(clip_mark(text_of(mark, "id"), text_of(mark, "caption")));
  }
  motion.removed = motion.removed_before;
  for (const Json& candidate : list_or_empty(report, "candidates")) {
    const std::string fate = text_of(candidate, "fate");
    const auto row = whole_of(candidate, "row"), bytes = whole_of(candidate, "bytes");
    if (fate == clip_fate_name(ClipFate::missing) && row) motion.missing_rows.push_back(*row);
    if (fate == clip_fate_name(ClipFate::unreadable) && bytes) motion.unreadable.push_back({text_of(candidate, "video"), *bytes});
  }
}

void compare(const Json& listed, const Json& written, RetrievedMotion& motion) {
  std::vector<std::string> changed;  // Ids of entries that are not as they were written.
  for (const Json& entry : listed) {
    if (holds(written, entry)) continue;
    motion.edited = true;
    changed.push_back(text_of(entry, "id"));
  }
  for (const Json& entry : written) {
    const std::string id = text_of(entry, "id");
    const bool there = holds(listed, entry) || std::find(changed.begin(), changed.end(), id) != changed.end();
    if (!there && !id.empty()) motion.removed.push_back(clip_mark(id, text_of(entry, "caption")));
  }
}

void write_json(const fs::path& file, const Json& json) {
  // Paths need not be UTF-8.
  write_file_atomic(file, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace

Json clip_mark(const std::string& id, const std::string& caption) { return {{"id", id}, {"caption", caption}}; }

bool is_listed_by_hand(const fs::path& folder) { return is_file(folder / "clips.json") && !is_file(folder / "report.json"); }

RetrievedMotion read_retrieved_motion(const fs::path& folder) {
  const fs::path clips_file = folder / "clips.json", report_file = folder / "report.json";
  RetrievedMotion motion;
  Json listed = Json::array(), report;
  if (is_file(clips_file)) {
    listed = read_list(clips_file);
    motion.listed = true;
    motion.clips = listed.size();
    for (const Json& entry : listed) motion.videos.push_back(folder / text_of(entry, "path"));
  }
  if (!is_file(report_file)) return motion;
  report = read_object(report_file, "delete it, and clips.json counts as written by hand", {.max_bytes = kMostReportBytes});
  take_report(report, motion);
  if (!motion.listed) return motion;
  const std::string replaced = text_of(report, "replaces");
  motion.unfinished = !replaced.empty() && replaced == sha256_of_file(clips_file);
  if (!motion.unfinished) compare(listed, list_or_empty(report, "clips"), motion);
  return motion;
}

void write_retrieved_motion(const fs::path& folder, const std::string& motion, Json report, const Json& entries, const Picture& sheet) {
  const fs::path clips_file = folder / "clips.json", report_file = folder / "report.json";
  const Json clips = {{"schema", kClipsSchema}, {"motion", motion}, {"clips", entries}};
  report["clips"] = entries;
  make_folders(folder);
  write_png(folder / "sheet.png", sheet);
  if (!is_file(clips_file)) {
    write_json(report_file, report);
    write_json(clips_file, clips);
    return;
  }
  // A report beside a list of another run would make that look edited, or its clips taken out: it says which list it is to
  // replace, and no longer once it did, so that a person may put the old list back.
  Json unfinished = report;
  unfinished["replaces"] = sha256_of_file(clips_file);
  write_json(report_file, unfinished);
  write_json(clips_file, clips);
  write_json(report_file, report);
}

}  // namespace dreamrunner
