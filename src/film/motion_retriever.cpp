#include "film/motion_retriever.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/stopwatch.h"
#include "film/model_fingerprint.h"
#include "film/records.h"
#include "media/png.h"
#include "retrieve/retrieval_report.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr int kClipsSchema = 1;
constexpr int kReportSchema = 1;
// Raise it when the same request is answered differently; every motion is then retrieved anew.
constexpr int kClipsFormat = 1;
constexpr uint64_t kMostReportBytes = 64 << 20;

bool is_folder(const fs::path& path) {
  std::error_code code;
  return fs::is_directory(path, code);
}

bool is_file(const fs::path& path) {
  std::error_code code;
  return fs::is_regular_file(path, code);
}

std::string print_of(const fs::path& folder) { return folder.empty() ? "" : model_fingerprint(folder); }

/// What decides which rows a catalogue has: its list of segments, and their sizes.
std::string print_of_catalogue(const fs::path& folder) {
  std::string text = read_file(folder / "catalogue.json", 64 << 20);
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("captions-")) files.push_back(fmt::format("{} {}\n", entry.path().filename().string(), entry.file_size()));
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) text += file;
  return sha256_hex(text);
}

Json list_or_empty(const Json& json, const char* key) { return json.contains(key) && json[key].is_array() ? json[key] : Json::array(); }

bool holds(const Json& list, const Json& value) { return std::find(list.begin(), list.end(), value) != list.end(); }

/// How a clip that was taken out is known again, whatever row it has by then.
Json mark_of(const Json& candidate) { return {{"id", candidate.value("id", "")}, {"caption", candidate.value("caption", "")}}; }

}  // namespace

const char* clips_standing_name(ClipsStanding standing) {
  switch (standing) {
    case ClipsStanding::missing: return "missing";
    case ClipsStanding::fresh: return "fresh";
    case ClipsStanding::stale: return "stale";
    case ClipsStanding::by_hand: return "by hand";
    case ClipsStanding::edited: return "edited";
  }
  return "";
}

std::string motion_in_words(const std::string& id) {
  std::string words = id;
  std::replace(words.begin(), words.end(), '-', ' ');
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::optional<ClipSource> find_clip_source(const FilmProject& film) {
  const LibrarySettings& library = film.settings.library;
  const fs::path root = fs::absolute(film.folder.root()), model = film.settings.generate.model;
  ClipSource source;
  source.catalogue = library.path.empty() ? model / "library" / "catalogue" : (root / library.path).lexically_normal();
  if (!library.path.empty() && !is_file(source.catalogue / "catalogue.json")) {
    throw Error(ErrorKind::input_file, fmt::format("{}: no catalogue there, [library] path of film.toml names it", source.catalogue.string()),
                fmt::format("`dreamrunner clips add {} --from LIST` makes one", source.catalogue.string()));
  }
  if (!is_file(source.catalogue / "catalogue.json")) return std::nullopt;
  const fs::path scorers = library.scorers.empty() ? model : (root / library.scorers).lexically_normal();
  if (!is_folder(scorers)) throw Error(ErrorKind::input_file, fmt::format("{}: no such folder, [library] scorers of film.toml names it", scorers.string()), "docs/scorers.md says what is in it");
  const auto there = [&](const char* name) { return is_file(scorers / name / "config.json") ? scorers / name : fs::path(); };
  source.clip = there("clip");
  source.viclip = there("viclip");
  source.yolov5 = there("yolov5");
  const bool any = !source.clip.empty() || !source.viclip.empty() || !source.yolov5.empty();
  const bool needs_models = library.retrieval.score || library.retrieval.cut.mode != CutMode::off;
  if (!any && needs_models && library.path.empty()) return std::nullopt;
  return source;
}

/// How a motion's files stand, and what they say.
struct MotionRetriever::Standing {
  ClipsStanding standing = ClipsStanding::missing;
  size_t clips = 0;              ///< In clips.json.
  Json removed = Json::array();  ///< Marks of clips that were taken out by hand, now and earlier.
};

MotionRetriever::MotionRetriever(FilmProject& film, const ClipSource& source, const EngineOpener& engine, RunContext& run)
    : film_(film), source_(source), engine_(engine), run_(run), settings_(film.settings.library.retrieval), catalogue_(source.catalogue),
      catalogue_print_(print_of_catalogue(source.catalogue)), cache_(feature_cache_folder()) {
  models_.open = [this]() -> Scorers& { return scorers(); };
  if (settings_.score) models_.clip_print = print_of(source_.clip);
  if (settings_.score) models_.viclip_print = print_of(source_.viclip);
  if (settings_.cut.mode != CutMode::off) models_.yolov5_print = print_of(source_.yolov5);
  retriever_ = std::make_unique<Retriever>(catalogue_, settings_, models_, cache_, [this](const fs::path& video) { return film_.hashes.sha256(video); });
}

MotionRetriever::~MotionRetriever() = default;

Scorers& MotionRetriever::scorers() {
  if (!scorers_) {
    ScorerSettings settings{.clip = source_.clip, .viclip = source_.viclip, .yolov5 = source_.yolov5, .device = film_.settings.generate.device};
    if (!settings_.score) {
      settings.clip.clear();
      settings.viclip.clear();
    }
    if (settings_.cut.mode == CutMode::off) settings.yolov5.clear();
    scorers_ = engine_().open_scorers(settings, run_);
  }
  return *scorers_;
}

Json MotionRetriever::inputs_of(const std::string& id, const Json& removed) const {
  return {{"artefact", "clips"},
          {"format", kClipsFormat},
          {"motion", motion_in_words(id)},
          {"catalogue", catalogue_print_},
          {"settings", deciding_values(settings_)},
          {"clip", models_.clip_print},
          {"viclip", models_.viclip_print},
          {"yolov5", models_.yolov5_print},
          {"removed", removed}};
}

MotionRetriever::Standing MotionRetriever::standing(const std::string& id) const {
  const fs::path folder = film_.folder.root() / "motions" / id;
  const fs::path clips_file = folder / "clips.json", report_file = folder / "report.json";
  Standing result;
  if (!is_file(clips_file)) {
    // A run that was killed between the two left a report alone; what was taken out before still counts.
    if (is_file(report_file)) result.removed = list_or_empty(read_json_file(report_file, {.max_bytes = kMostReportBytes}), "removed");
    return result;
  }
  const Json clips = read_json_file(clips_file);
  const Json listed = list_or_empty(clips, "clips");
  result.clips = listed.size();
  result.standing = ClipsStanding::by_hand;
  if (!is_file(report_file)) return result;
  const Json report = read_json_file(report_file, {.max_bytes = kMostReportBytes});
  const Json written = list_or_empty(report, "clips");
  const Json removed_before = list_or_empty(report, "removed");
  result.removed = removed_before;
  for (const Json& entry : written) {
    if (!holds(listed, entry)) result.removed.push_back(mark_of(entry));
  }
  const bool only_removed = std::all_of(listed.begin(), listed.end(), [&](const Json& entry) { return holds(written, entry); });
  if (!only_removed) {
    result.standing = ClipsStanding::edited;
    return result;
  }
  bool stale = report.value("key", "") != key_of(inputs_of(id, removed_before));
  for (const Json& entry : listed) {
    const fs::path video = entry.value("path", "");
    stale = stale || !is_file(folder / video);
  }
  for (const Json& candidate : list_or_empty(report, "candidates")) {
    if (stale || candidate.value("fate", "") != clip_fate_name(ClipFate::missing)) continue;
    const auto row = candidate.value("row", uint64_t{0});
    stale = row < catalogue_.rows() && catalogue_.clip(row).video.has_value();
  }
  result.standing = stale ? ClipsStanding::stale : ClipsStanding::fresh;
  return result;
}

ClipsStanding MotionRetriever::judge(const std::string& id) const { return standing(id).standing; }

MotionOutcome MotionRetriever::provide(const std::string& id, bool force) {
  const Stopwatch watch;
  const Standing before = standing(id);
  MotionOutcome outcome{.id = id, .motion = motion_in_words(id), .before = before.standing, .folder = film_.folder.root() / "motions" / id, .kept = before.clips, .fates = {}, .notes = {}};
  const bool wanted = before.standing == ClipsStanding::missing || before.standing == ClipsStanding::stale;
  if (!wanted && !force) {
    if (before.standing == ClipsStanding::edited) outcome.notes.push_back("clips.json was edited and is left as it is; --force retrieves anew");
    return outcome;
  }
  std::set<uint64_t> rows;
  // Forced over a person's own file, nothing counts as taken out.
  const Json removed = before.standing == ClipsStanding::by_hand ? Json::array() : before.removed;
  for (const Json& mark : removed) {
    for (const uint64_t row : catalogue_.rows_with_id(mark.value("id", ""))) {
      if (catalogue_.clip(row).caption == mark.value("caption", "")) rows.insert(row);
    }
  }
  const Retrieval retrieval = retriever_->retrieve(outcome.motion, rows, run_);
  write(id, retrieval, inputs_of(id, removed), removed);
  outcome.retrieved = true;
  outcome.kept = retrieval.kept.size();
  outcome.fates = fates_of(retrieval);
  outcome.notes = retrieval.notes;
  outcome.seconds = watch.seconds();
  return outcome;
}

void MotionRetriever::write(const std::string& id, const Retrieval& retrieval, const Json& inputs, const Json& removed) const {
  const fs::path folder = film_.folder.root() / "motions" / id;
  Json entries = Json::array();
  for (const size_t index : retrieval.kept) entries.push_back(clip_entry(retrieval.candidates[index], folder, film_.folder.root()));
  Json report = {{"schema", kReportSchema}, {"program", "dreamrunner " DREAMRUNNER_VERSION}, {"key", key_of(inputs)}, {"inputs", inputs}, {"catalogue", source_.catalogue.string()}};
  report.update(report_of(retrieval));
  report["removed"] = removed;
  report["clips"] = entries;
  const Picture sheet = draw_retrieval(retrieval, run_);
  make_folders(folder);
  // The old list goes first: between the two files a crash leaves a report without a list, which is retrieved again.
  std::error_code code;
  fs::remove(folder / "clips.json", code);
  if (code) throw Error(ErrorKind::storage, fmt::format("{}: {}", (folder / "clips.json").string(), code.message()));
  write_png(folder / "sheet.png", sheet);
  write_file_atomic(folder / "report.json", report.dump(1) + "\n");
  write_file_atomic(folder / "clips.json", Json{{"schema", kClipsSchema}, {"motion", retrieval.motion}, {"clips", entries}}.dump(1) + "\n");
}

}  // namespace dreamrunner
