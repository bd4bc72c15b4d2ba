#include "catalogue/catalogue.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "catalogue/bm25_search.h"
#include "catalogue/caption_store.h"
#include "catalogue/catalogue_manifest.h"
#include "catalogue/catalogue_videos.h"
#include "catalogue/index_file.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kRowsBetweenReports = 4096;
constexpr JsonLimits kExtraLimits{.max_depth = 16, .max_bytes = kMostRowBytes * 2};

/// A segment's open files.
struct OpenSegment {
  OpenSegment(const fs::path& folder, const SegmentRecord& record, uint64_t first, std::vector<fs::path> videos)
      : first_row(first), video_folders(std::move(videos)), captions(captions_file(folder, record.number)), index(index_file(folder, record.number)), removed(load_removed(folder, record)) {
    const auto check = [&](uint64_t found, const char* where) {
      if (found == record.rows) return;
      throw Error(ErrorKind::input_file, fmt::format("{}: segment {}: {} rows in {}, {} expected", folder.string(), record.number, found, where, record.rows),
                  kMakeCatalogueAnew);
    };
    check(captions.rows(), "its captions");
    check(index.rows(), "its index");
  }

  uint64_t first_row;
  std::vector<fs::path> video_folders;  ///< Its own first.
  CaptionStore captions;
  Bm25Index index;
  std::vector<bool> removed;
};

}  // namespace

struct Catalogue::State {
  fs::path folder;
  CatalogueManifest manifest;
  std::vector<fs::path> video_folders;
  std::vector<std::unique_ptr<OpenSegment>> segments;

  /// The video folders, that of the segment's import first: another list may have videos of the same names elsewhere.
  std::vector<fs::path> folders_of(const SegmentRecord& record) const {
    std::vector<fs::path> ordered = video_folders;
    const auto& texts = manifest.video_folders;
    const auto own = std::find(texts.begin(), texts.end(), record.videos);
    if (own != texts.end()) std::rotate(ordered.begin(), ordered.begin() + (own - texts.begin()), ordered.begin() + (own - texts.begin()) + 1);
    return ordered;
  }
  const OpenSegment& segment_of(uint64_t row) const {
    const auto after = std::upper_bound(segments.begin(), segments.end(), row, [](uint64_t value, const auto& segment) { return value < segment->first_row; });
    if (after == segments.begin() || row >= (*(after - 1))->first_row + (*(after - 1))->captions.rows()) {
      throw Error(ErrorKind::bug, fmt::format("row {} of a catalogue of {}", row, manifest.rows()));
    }
    return **(after - 1);
  }
  std::vector<Bm25Segment> bm25_segments() const {
    std::vector<Bm25Segment> result;
    for (const auto& segment : segments) result.push_back({&segment->index, segment->removed.empty() ? nullptr : &segment->removed});
    return result;
  }
};

Catalogue::Catalogue(const fs::path& folder) : state_(std::make_unique<State>()) {
  state_->folder = folder;
  state_->manifest = load_manifest(folder);
  for (const std::string& videos : state_->manifest.video_folders) state_->video_folders.push_back(video_folder_path(folder, videos));
  uint64_t first = 0;
  for (const SegmentRecord& record : state_->manifest.segments) {
    state_->segments.push_back(std::make_unique<OpenSegment>(folder, record, first, state_->folders_of(record)));
    first += record.rows;
  }
}

Catalogue::~Catalogue() = default;
Catalogue::Catalogue(Catalogue&&) noexcept = default;
Catalogue& Catalogue::operator=(Catalogue&&) noexcept = default;

const fs::path& Catalogue::folder() const { return state_->folder; }
uint64_t Catalogue::rows() const { return state_->manifest.rows(); }
AnalyzerKind Catalogue::analyzer() const { return state_->manifest.analyzer; }

bool Catalogue::is_removed(uint64_t row) const {
  const OpenSegment& segment = state_->segment_of(row);
  return !segment.removed.empty() && segment.removed[row - segment.first_row];
}

std::vector<ClipHit> Catalogue::search(std::string_view query, size_t top, const Bm25Settings& settings) const {
  Analyzer analyzer(state_->manifest.analyzer);
  std::vector<ClipHit> hits;
  for (const Bm25Hit& hit : bm25_search(state_->bm25_segments(), analyzer.words(query), top, settings)) hits.push_back({hit.row, hit.score});
  return hits;
}

std::vector<std::pair<std::string, uint64_t>> Catalogue::words_of(std::string_view query) const {
  Analyzer analyzer(state_->manifest.analyzer);
  std::vector<std::pair<std::string, uint64_t>> result;
  for (const std::string& word : analyzer.words(query)) {
    if (std::any_of(result.begin(), result.end(), [&](const auto& known) { return known.first == word; })) continue;
    uint64_t rows = 0;
    for (const auto& segment : state_->segments) {
      if (const auto info = segment->index.find(word)) rows += info->rows;
    }
    result.emplace_back(word, rows);
  }
  return result;
}

Clip Catalogue::clip(uint64_t row) const {
  const OpenSegment& segment = state_->segment_of(row);
  CaptionRow stored = segment.captions.row(row - segment.first_row);
  Clip clip;
  clip.row = row;
  clip.video = find_video(stored, segment.video_folders);
  clip.id = std::move(stored.id);
  clip.source = std::move(stored.source);
  clip.listed_path = std::move(stored.path);
  clip.caption = std::move(stored.caption);
  clip.start_s = seconds_of(stored.span.start);
  if (stored.span.end) clip.end_s = seconds_of(*stored.span.end);
  clip.width = static_cast<int>(stored.width);
  clip.height = static_cast<int>(stored.height);
  clip.extra = stored.extra.empty() ? Json::object() : parse_json(stored.extra, state_->folder.string(), kExtraLimits);
  return clip;
}

std::vector<uint64_t> Catalogue::rows_with_id(std::string_view id) const {
  std::vector<uint64_t> rows;
  const uint64_t key = id_key(id);
  for (const auto& segment : state_->segments) {
    for (const uint32_t row : segment->captions.rows_with_id(key)) {
      const bool removed = !segment->removed.empty() && segment->removed[row];
      if (!removed && segment->captions.row(row).id == id) rows.push_back(segment->first_row + row);
    }
  }
  return rows;
}

CatalogueStats Catalogue::stats(RunContext& run) const {
  CatalogueStats stats;
  stats.analyzer = analyzer();
  stats.segments = state_->segments.size();
  stats.video_folders = state_->video_folders;
  VideoCensus census(state_->video_folders);
  run.report().begin("counting clips", static_cast<int64_t>(rows()));
  uint64_t done = 0;
  for (const auto& segment : state_->segments) {
    stats.bytes += segment->captions.file_bytes() + segment->index.file_bytes();
    stats.words += segment->index.words();
    stats.longest = std::max<uint64_t>(stats.longest, segment->index.longest());
    for (uint64_t row = 0; row < segment->captions.rows(); ++row) {
      if (++done % kRowsBetweenReports == 0) {
        run.check();
        run.report().advance(static_cast<int64_t>(done));
      }
      if (!segment->removed.empty() && segment->removed[row]) {
        ++stats.removed;
        continue;
      }
      ++stats.clips;
      ++(census.has(segment->captions.row(row)) ? stats.videos_there : stats.videos_missing);
      if (segment->index.words_in_row(static_cast<uint32_t>(row)) == 0) ++stats.without_words;
    }
  }
  run.report().end();
  return stats;
}

}  // namespace dreamrunner
