#include "catalogue/catalogue_change.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/path_kind.h"
#include "catalogue/bm25_builder.h"
#include "catalogue/caption_store.h"
#include "catalogue/catalogue.h"
#include "catalogue/catalogue_manifest.h"
#include "catalogue/catalogue_videos.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr size_t kNamedFaults = 20;
/// One bad row in a hundred is the most that is taken for granted.
constexpr uint64_t kRowsPerBadRow = 100;

/// The keys of the rows of the segment at hand. Open addressing: half the memory of a node-based set.
class KeySet {
 public:
  /// Whether `key` is new.
  bool insert(uint64_t key) {
    if (key == 0) return !std::exchange(has_zero_, true);
    if ((count_ + 1) * 2 > slots_.size()) grow();
    return put(slots_, key) && ++count_ > 0;
  }
  bool contains(uint64_t key) const {
    if (key == 0) return has_zero_;
    for (size_t at = key & (slots_.size() - 1); slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at] == key) return true;
    }
    return false;
  }
  void clear() { *this = KeySet(); }

 private:
  static bool put(std::vector<uint64_t>& slots, uint64_t key) {
    size_t at = key & (slots.size() - 1);
    for (; slots[at] != 0; at = (at + 1) & (slots.size() - 1)) {
      if (slots[at] == key) return false;
    }
    slots[at] = key;
    return true;
  }
  void grow() {
    std::vector<uint64_t> larger(slots_.size() * 2);
    for (const uint64_t key : slots_) {
      if (key != 0) put(larger, key);
    }
    slots_ = std::move(larger);
  }

  std::vector<uint64_t> slots_ = std::vector<uint64_t>(1024);
  size_t count_ = 0;
  bool has_zero_ = false;
};

/// A segment that is there, to know its rows again.
struct KnownSegment {
  CaptionStore captions;
  std::vector<bool> removed;
  std::vector<fs::path> video_folders;  ///< Where its videos lie: in that of its import, or in any where this is not known.

  /// Whether it has a row that is listed with the videos in `videos`.
  bool holds(const CaptionRow& row, uint64_t key, const fs::path& videos) const {
    for (const uint32_t number : captions.rows_with_content(key)) {
      if (!removed.empty() && removed[number]) continue;
      const CaptionRow known = captions.row(number);
      const bool alike = known.source == row.source && known.span == row.span && known.caption == row.caption;
      if (alike && is_same_video(known, video_folders, videos)) return true;
    }
    return false;
  }
};

bool has_manifest(const fs::path& folder) {
  std::error_code code;
  // What cannot be looked at counts as there: it is not to be overwritten, nor its files deleted.
  return fs::status(manifest_file(folder), code).type() != fs::file_type::not_found;
}

/// Throws Error(usage) for a folder that holds something else than a catalogue, or what a killed import left of one.
void refuse_other_folder(const fs::path& folder) {
  if (!is_folder(folder) || has_manifest(folder)) return;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code); !code && entry != fs::directory_iterator(); entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    // Another import may end this moment.
    if (name == "lock" || name == "catalogue.json" || name.starts_with(".") || is_catalogue_file(entry->path())) continue;
    throw Error(ErrorKind::usage, fmt::format("{}: holds {} and no catalogue.json", folder.string(), name), "a catalogue needs a folder of its own");
  }
  if (code && code != std::errc::no_such_file_or_directory) throw Error(ErrorKind::storage, fmt::format("{}: cannot be read: {}", folder.string(), code.message()));
}

/// Makes a folder and its parents; whether it was not there. Of several processes that make it one is told so.
bool make_folder(const fs::path& folder) {
  const fs::path named = folder.has_filename() ? folder : folder.parent_path();
  if (named.has_parent_path()) make_folders(named.parent_path());
  std::error_code code;
  const bool made = fs::create_directory(named, code);
  if (code) throw Error(ErrorKind::storage, fmt::format("{}: cannot be made: {}", folder.string(), code.message()));
  return made;
}

/// The folder that is added to, with its lock held. Where no catalogue comes of it, what was not there before is taken away
/// again, still under the lock: another import may be waiting for it.
class HeldFolder {
 public:
  explicit HeldFolder(const fs::path& folder) : folder_(folder) {
    // Between the two an import that came to nothing may take the folder away: then once more.
    for (int tried = 0; !lock_; ++tried) {
      if (tried == kMostTries) throw Error(ErrorKind::storage, fmt::format("{}: no file can be made in it", folder.string()));
      made_ = make_folder(folder);
      lock_ = CatalogueLock::take(folder);
    }
  }
  ~HeldFolder() {
    if (has_manifest(folder_)) return;
    lock_->remove_file();
    std::error_code ignored;
    if (made_) fs::remove(folder_, ignored);
  }
  HeldFolder(const HeldFolder&) = delete;
  HeldFolder& operator=(const HeldFolder&) = delete;

 private:
  static constexpr int kMostTries = 1000;

  fs::path folder_;
  bool made_ = false;
  std::optional<CatalogueLock> lock_;
};

/// The same text with what is not UTF-8 replaced: for people.
std::string readable(const std::string& text) {
  return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

class Import {
 public:
  Import(const AddRequest& request, RunContext& run) : request_(request), run_(run) {}

  AddReport work() {
    report_.format = request_.format == CaptionFormat::automatic ? detect_caption_format(request_.from) : request_.format;
    choose_video_folder();
    refuse_other_folder(request_.folder);
    const HeldFolder held(request_.folder);
    refuse_other_folder(request_.folder);
    try {
      open();
      read();
      refuse_too_many_bad_rows();
      commit();
    } catch (...) {
      discard();
      throw;
    }
    return std::move(report_);
  }

 private:
  struct Segment {
    Segment(const fs::path& folder, uint32_t number, AnalyzerKind analyzer, size_t memory)
        : captions(captions_file(folder, number)), index(index_file(folder, number), analyzer, memory) {}
    CaptionStoreWriter captions;
    Bm25Builder index;
  };

  void choose_video_folder() {
    const fs::path beside = report_.format == CaptionFormat::folder ? request_.from : fs::absolute(request_.from).parent_path();
    videos_ = video_folder_text(request_.folder, request_.videos.empty() ? beside : request_.videos);
    if (!is_utf8(videos_)) {
      throw Error(ErrorKind::usage, fmt::format("{}: the name of the folder of videos is not UTF-8, so that catalogue.json cannot hold it", videos_),
                  "rename it, or name it by a link: --videos LINK");
    }
    video_folder_ = video_folder_path(request_.folder, videos_);
  }

  /// Deletes what was written, still under the lock: all that the manifest on the disk does not name. What it names stays, for
  /// the last step of replacing it can fail when the new one is there already.
  void discard() {
    segment_.reset();
    try {
      delete_leftovers(request_.folder, has_manifest(request_.folder) ? load_manifest(request_.folder) : CatalogueManifest{});
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the next change deletes them
    }
  }

  void step(std::string_view what) const {
    if (request_.before_step) request_.before_step(what);
  }

  void open() {
    if (has_manifest(request_.folder)) {
      manifest_ = load_manifest(request_.folder);
      if (request_.analyzer && *request_.analyzer != manifest_.analyzer) {
        throw Error(ErrorKind::usage,
                    fmt::format("{}: its analyzer is {}, {} was asked for", request_.folder.string(), analyzer_name(manifest_.analyzer), analyzer_name(*request_.analyzer)),
                    "one catalogue has one analyzer: leave --analyzer out, or make another catalogue");
      }
    } else {
      manifest_.analyzer = request_.analyzer.value_or(AnalyzerKind::plain);
    }
    step("leftovers");
    delete_leftovers(request_.folder, manifest_);
    for (const SegmentRecord& record : manifest_.segments) {
      known_.push_back({CaptionStore(captions_file(request_.folder, record.number)), load_removed(request_.folder, record), video_folders_of(record)});
    }
  }

  std::vector<fs::path> video_folders_of(const SegmentRecord& record) const {
    std::vector<fs::path> folders;
    for (const std::string& text : record.videos.empty() ? manifest_.video_folders : std::vector{record.videos}) {
      folders.push_back(video_folder_path(request_.folder, text));
    }
    return folders;
  }

  void read() {
    const uint64_t size = caption_source_size(request_.from, report_.format);
    run_.report().begin("adding clips", static_cast<int64_t>(size));
    CaptionListener listener;
    listener.row = [&](CaptionRow&& row) { take(std::move(row)); };
    listener.fault = [&](const std::string& fault) {
      ++report_.rows;
      ++report_.bad;
      if (report_.faults.size() < kNamedFaults) {
        report_.faults.push_back(fault);
        run_.report().note(fault);
      }
    };
    listener.position = [&](uint64_t position) {
      run_.check();
      run_.report().advance(static_cast<int64_t>(position));
    };
    read_captions(request_.from, report_.format, listener);
    run_.check();
    end_segment();
    run_.report().advance(static_cast<int64_t>(size));
    run_.report().end();
  }

  void take(CaptionRow&& row) {
    ++report_.rows;
    const uint64_t key = content_key(row);
    const bool known = std::any_of(known_.begin(), known_.end(), [&](const KnownSegment& segment) { return segment.holds(row, key, video_folder_); });
    if (known || !keys_.insert(key)) {
      ++report_.known;
      return;
    }
    if (!segment_) begin_segment();
    segment_->captions.add(row, key);
    segment_->index.add(row.caption);
    const uint32_t words = segment_->index.words_in_last_row();
    record_.words += words;
    record_.without_words += words == 0 ? 1 : 0;
    ++record_.rows;
    ++report_.added;
    report_.without_words += words == 0 ? 1 : 0;
    if (record_.rows == request_.rows_per_segment) end_segment();
  }

  void begin_segment() {
    record_ = {};
    record_.number = manifest_.next_number();
    record_.from = readable(request_.from.string());
    record_.videos = videos_;
    step("segment");
    segment_ = std::make_unique<Segment>(request_.folder, record_.number, manifest_.analyzer, request_.index_memory_bytes);
  }

  void end_segment() {
    if (!segment_) return;
    step("captions");
    segment_->captions.finish();
    step("index");
    segment_->index.finish();
    segment_.reset();
    manifest_.segments.push_back(record_);
    known_.push_back({CaptionStore(captions_file(request_.folder, record_.number)), {}, {video_folder_}});
    keys_.clear();
  }

  void refuse_too_many_bad_rows() const {
    if (request_.allow_bad_rows || report_.bad * kRowsPerBadRow <= report_.rows) return;
    throw Error(ErrorKind::input_file,
                fmt::format("{}: {} of {} rows are bad, at most 1 % expected; the first: {}", request_.from.string(), report_.bad, report_.rows, report_.faults.front()),
                "nothing was added: mend the list, or take what is good of it with --allow-bad-rows");
  }

  void commit() {
    auto& folders = manifest_.video_folders;
    const bool new_folder = std::find(folders.begin(), folders.end(), videos_) == folders.end();
    if (report_.added == 0 && !new_folder && has_manifest(request_.folder)) return;
    if (new_folder) folders.push_back(videos_);
    step("names");
    sync_folder(request_.folder);
    step("manifest");
    save_manifest(request_.folder, manifest_);
    step("done");
  }

  const AddRequest& request_;
  RunContext& run_;
  CatalogueManifest manifest_;
  std::vector<KnownSegment> known_;
  KeySet keys_;
  std::unique_ptr<Segment> segment_;
  SegmentRecord record_;
  std::string videos_;     ///< Of the rows that are added, as catalogue.json has it
  fs::path video_folder_;  ///< and where it is.
  AddReport report_;
};

}  // namespace

AddReport add_clips(const AddRequest& request, RunContext& run) { return Import(request, run).work(); }

uint64_t remove_clips(const fs::path& folder, const std::vector<std::string>& ids) {
  load_manifest(folder);  // A folder that is no catalogue gets no lock.
  const auto lock = CatalogueLock::take(folder);
  CatalogueManifest manifest = load_manifest(folder);
  const Catalogue catalogue(folder);
  std::vector<uint64_t> rows;
  for (const std::string& id : ids) {
    const std::vector<uint64_t> found = catalogue.rows_with_id(id);
    if (found.empty()) throw Error(ErrorKind::input_file, fmt::format("{}: no clip has the id {}", folder.string(), id));
    rows.insert(rows.end(), found.begin(), found.end());
  }
  delete_leftovers(folder, manifest);
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  uint64_t first = 0;
  auto row = rows.begin();
  for (SegmentRecord& segment : manifest.segments) {
    const uint64_t end = first + segment.rows;
    if (row != rows.end() && *row < end) {
      std::vector<bool> removed = load_removed(folder, segment);
      removed.resize(segment.rows);
      for (; row != rows.end() && *row < end; ++row) {
        removed[*row - first] = true;
        ++segment.removed;
      }
      ++segment.removals;
      save_removed(folder, segment, removed);
    }
    first = end;
  }
  if (!rows.empty()) save_manifest(folder, manifest);
  return rows.size();
}

}  // namespace dreamrunner
