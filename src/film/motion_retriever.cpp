#include "film/motion_retriever.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/path_kind.h"
#include "base/stopwatch.h"
#include "catalogue/catalogue_manifest.h"
#include "film/hash_if_there.h"
#include "film/model_fingerprint.h"
#include "film/motion_clips.h"
#include "film/records.h"
#include "film/retrieved_motion.h"
#include "retrieve/retrieval_report.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr int kReportSchema = 1;
// Of what was seen in clips: some 10 KB each, so a hundred thousand of them.
constexpr uint64_t kMostCacheBytes = 1ULL << 30;
// Raise it when the same request is answered differently; every motion is then retrieved anew.
constexpr int kClipsFormat = 1;

std::string print_of(const fs::path& folder) { return folder.empty() ? "" : model_fingerprint(folder); }

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

MotionRetriever::MotionRetriever(FilmProject& film, const ClipSource& source, const EngineOpener& engine, RunContext& run)
    : film_(film), source_(source), engine_(engine), run_(run), settings_(film.settings.library.retrieval),
      catalogue_print_(catalogue_fingerprint(source.catalogue)), catalogue_(source.catalogue) {
  models_.open = [this]() -> Scorers& { return scorers(); };
  if (settings_.score) models_.clip_print = print_of(source_.clip);
  if (settings_.score) models_.viclip_print = print_of(source_.viclip);
  if (settings_.cut.mode != CutMode::off) models_.yolov5_print = print_of(source_.yolov5);
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

Retriever& MotionRetriever::retriever() {
  if (!retriever_) {
    cache_ = std::make_unique<FeatureCache>(feature_cache_folder());
    cache_->tidy(kMostCacheBytes);
    // Saved one by one, so that a run that is stopped need not read gigabytes of videos again.
    const auto digest = [this](const fs::path& video) {
      std::string sha256 = film_.hashes.sha256(video);
      film_.hashes.save();
      return sha256;
    };
    retriever_ = std::make_unique<Retriever>(catalogue_, settings_, models_, *cache_, digest);
  }
  return *retriever_;
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

ClipsStanding MotionRetriever::standing(const std::string& id, const RetrievedMotion& found) const {
  if (!found.listed) return ClipsStanding::missing;
  if (!found.reported) return ClipsStanding::by_hand;
  if (found.unfinished) return ClipsStanding::stale;
  if (found.edited) return ClipsStanding::edited;
  const auto came = [&](uint64_t row) { return row < catalogue_.rows() && catalogue_.clip(row).video.has_value(); };
  const auto changed = [](const UnreadableVideo& one) {
    std::error_code code;
    return fs::file_size(one.video, code) != one.bytes;  // Also where it has gone.
  };
  const bool fresh = found.key == key_of(inputs_of(id, found.removed_before)) && std::all_of(found.videos.begin(), found.videos.end(), is_file) &&
                     std::none_of(found.missing_rows.begin(), found.missing_rows.end(), came) && std::none_of(found.unreadable.begin(), found.unreadable.end(), changed);
  return fresh ? ClipsStanding::fresh : ClipsStanding::stale;
}

fs::path MotionRetriever::folder_of(const std::string& id) const { return film_.folder.root() / "motions" / id; }

ClipsStanding MotionRetriever::judge(const std::string& id) const { return standing(id, read_retrieved_motion(folder_of(id))); }

MotionOutcome MotionRetriever::provide(const std::string& id, bool force) {
  const Stopwatch watch;
  const fs::path list = folder_of(id) / "clips.json";
  const std::optional<std::string> before = hash_if_there(list);
  const RetrievedMotion found = read_retrieved_motion(folder_of(id));
  MotionOutcome outcome{.id = id, .motion = motion_in_words(id), .before = standing(id, found), .folder = folder_of(id), .kept = found.clips, .fates = {}, .notes = {}};
  const bool wanted = outcome.before == ClipsStanding::missing || outcome.before == ClipsStanding::stale;
  if (!wanted && !force) {
    if (outcome.before == ClipsStanding::edited) outcome.notes.push_back("clips.json was edited and is left as it is; --force retrieves anew");
    return outcome;
  }
  std::set<uint64_t> rows;
  for (const Json& mark : found.removed) {
    for (const uint64_t row : catalogue_.rows_with_id(mark.at("id").get<std::string>())) {
      if (listed_caption(catalogue_.clip(row).caption) == mark.at("caption")) rows.insert(row);
    }
  }
  const Retrieval retrieval = retriever().retrieve(outcome.motion, rows, run_);
  if (hash_if_there(list) != before) {
    outcome.notes = retrieval.notes;
    outcome.notes.push_back("clips.json was changed while clips were looked for; it is left as it is, --force retrieves anew");
    return outcome;
  }
  write(id, retrieval, inputs_of(id, found.removed), found.removed);
  outcome.retrieved = true;
  outcome.kept = retrieval.kept.size();
  outcome.fates = fates_of(retrieval);
  outcome.notes = retrieval.notes;
  outcome.seconds = watch.seconds();
  return outcome;
}

void MotionRetriever::write(const std::string& id, const Retrieval& retrieval, const Json& inputs, const Json& removed) const {
  const fs::path folder = folder_of(id);
  Json entries = Json::array();
  for (const size_t index : retrieval.kept) entries.push_back(clip_entry(retrieval.candidates[index], folder, film_.folder.root()));
  Json report = {{"schema", kReportSchema}, {"program", "dreamrunner " DREAMRUNNER_VERSION}, {"key", key_of(inputs)}, {"inputs", inputs}, {"catalogue", source_.catalogue.string()}};
  report.update(report_of(retrieval));
  report["removed"] = removed;
  write_retrieved_motion(folder, retrieval.motion, std::move(report), entries, draw_retrieval(retrieval, run_));
}

}  // namespace dreamrunner
