#include "film/library_settings.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"
#include "film/optional_setting.h"
#include "film/setting_checks.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace {

constexpr std::array<std::string_view, 3> kCuts{"trim", "crop", "off"};
constexpr WholeRange kTopRange{1, 100'000};
constexpr WholeRange kClipsRange{1, 1000};
constexpr WholeRange kFrameCountRange{1, 100'000};
constexpr WholeRange kSeenRange{1, 1000};
constexpr double kLongestClip_s = 3600;
constexpr double kMostAspect = 100;
constexpr double kMostLooks = 1000;
constexpr size_t kLongestSubject = 200;

/// A few words in a query and in messages.
std::string checked_subject(const std::string& where, const std::string& subject) {
  const bool odd = std::any_of(subject.begin(), subject.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (subject.find_first_not_of(' ') == std::string::npos || subject.size() > kLongestSubject || odd || !is_utf8(subject)) {
    throw Error(ErrorKind::usage, fmt::format("{}: found a text that is empty, too long, not UTF-8, or holds control characters", where), "for example \"dog\"");
  }
  return subject;
}

/// Absolute, since what film.toml says is seen from the film.
std::string checked_folder(const char* option, const std::string& folder) {
  if (folder.empty()) throw Error(ErrorKind::usage, fmt::format("{}: found an empty text, a folder expected", option));
  return std::filesystem::absolute(folder).lexically_normal().string();
}

}  // namespace

LibrarySettings read_library_settings(const toml::table& section, const std::string& file) {
  LibrarySettings settings;
  RetrievalSettings& retrieval = settings.retrieval;
  TableReader reader(section, file, "library");
  set(settings.use, reader.flag("use"));
  set(settings.path, reader.path("path"));
  set(settings.scorers, reader.path("scorers"));
  if (const auto subject = reader.text("subject")) retrieval.subject = checked_subject(reader.where("subject"), *subject);
  set(retrieval.top, reader.whole("top", kTopRange));
  set(retrieval.bm25.k1, reader.number("k1", 0, 100));
  set(retrieval.bm25.b, reader.number("b", 0, 1));
  set(retrieval.limits.least_s, reader.number("min_seconds", 0, kLongestClip_s));
  set(retrieval.limits.least_frames, reader.whole("min_frames", kFrameCountRange));
  set(retrieval.limits.least_aspect, reader.number("min_aspect", 0, kMostAspect));
  if (const auto cut = reader.choice("cut", kCuts)) retrieval.cut.mode = *cut_mode_of(*cut);
  set(retrieval.cut.margin, reader.number("margin", 0, 2));
  set(retrieval.cut.aspect, reader.number("aspect", 0.1, 10));
  set(retrieval.looks_per_s, reader.number("looks_per_second", 0.1, kMostLooks));
  set(retrieval.detection.confidence, reader.number("confidence", 0, 1));
  set(retrieval.detection.overlap, reader.number("overlap", 0, 1));
  set(retrieval.cut.tracks.least_overlap, reader.number("track_overlap", 0, 1));
  set(retrieval.cut.tracks.longest_gap_s, reader.number("longest_gap", 0, kLongestClip_s));
  set(retrieval.cut.tracks.least_seen, reader.whole("min_seen", kSeenRange));
  set(retrieval.score, reader.flag("clip_filter"));
  if (const auto threshold = reader.number("threshold", -1, 1)) retrieval.threshold = threshold;
  set(retrieval.most, reader.whole("max_clips", kClipsRange));
  set(retrieval.least, reader.whole("min_clips", WholeRange{0, kClipsRange.most}));
  reader.finish();
  return settings;
}

void apply_overrides(LibrarySettings& settings, const LibraryOverrides& overrides) {
  RetrievalSettings& retrieval = settings.retrieval;
  if (overrides.no_rag) settings.use = false;
  if (overrides.path) settings.path = checked_folder("--library", *overrides.path);
  if (overrides.scorers) settings.scorers = checked_folder("--scorers", *overrides.scorers);
  if (overrides.subject) retrieval.subject = checked_subject("--subject", *overrides.subject);
  if (overrides.cut) retrieval.cut.mode = *cut_mode_of(checked_choice("--cut", *overrides.cut, kCuts));
  if (overrides.top) retrieval.top = static_cast<int>(checked_whole("--top", *overrides.top, kTopRange));
  if (overrides.max_clips) retrieval.most = static_cast<int>(checked_whole("--max-clips", *overrides.max_clips, kClipsRange));
  if (overrides.threshold) retrieval.threshold = checked_number("--threshold", *overrides.threshold, -1, 1);
  if (overrides.no_clip_filter) retrieval.score = false;
}

}  // namespace dreamrunner
