#include "catalogue/catalogue_change.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "catalogue/bm25_builder.h"
#include "catalogue/caption_store.h"
#include "catalogue/catalogue.h"
#include "catalogue/catalogue_manifest.h"

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

  bool holds(const CaptionRow& row, uint64_t key) const {
    for (const uint32_t number : captions.rows_with_content(key)) {
      if (!removed.empty() && removed[number]) continue;
      const CaptionRow known = captions.row(number);
      if (known.source == row.source && known.span == row.span && known.caption == row.caption) return true;
    }
    return false;
  }
};

/// The folder as catalogue.json has it: relative when both lie in the same folder, so that they can be moved together.
std::string video_folder_text(const fs::path& catalogue, const fs::path& videos) {
  const fs::path absolute = fs::absolute(videos).lexically_normal();
  const fs::path base = fs::absolute(catalogue).lexically_normal();
  const fs::path relative = absolute.lexically_relative(base);
  const auto ups = std::count(relative.begin(), relative.end(), "..");
  return !relative.empty() && ups <= 1 ? relative.string() : absolute.string();
}

class Import {
 public:
  Import(const AddRequest& request, RunContext& run) : request_(request), run_(run) {}

  AddReport work() {
    report_.format = request_.format == CaptionFormat::automatic ? detect_caption_format(request_.from) : request_.format;
    FolderMaker made(request_.folder);
    const CatalogueLock lock(request_.folder);
    try {
      open();
      read();
      refuse_too_many_bad_rows();
      commit();
    } catch (...) {
      discard();
      throw;
    }
    made.keep = true;
    return std::move(report_);
  }

 private:
  struct Segment {
    Segment(const fs::path& folder, uint32_t number, AnalyzerKind analyzer, size_t memory)
        : captions(captions_file(folder, number)), index(index_file(folder, number), analyzer, memory) {}
    CaptionStoreWriter captions;
    Bm25Builder index;
  };

  /// Takes away a folder that this import made, unless it comes to something.
  struct FolderMaker {
    explicit FolderMaker(const fs::path& path) : folder(path), keep(fs::exists(path)) { make_folders(path); }
    ~FolderMaker() {
      if (keep) return;
      std::error_code ignored;
      fs::remove(folder / "lock", ignored);
      fs::remove(folder, ignored);
    }
    fs::path folder;
    bool keep;
  };

  /// Deletes what was written, still under the lock.
  void discard() {
    segment_.reset();
    std::error_code ignored;
    for (const fs::path& file : written_) fs::remove(file, ignored);
  }

  void step(std::string_view what) const {
    if (request_.before_step) request_.before_step(what);
  }

  void open() {
    std::error_code code;
    if (fs::exists(manifest_file(request_.folder), code)) {
      manifest_ = load_manifest(request_.folder);
      if (request_.analyzer && *request_.analyzer != manifest_.analyzer) {
        throw Error(ErrorKind::usage,
                    fmt::format("{}: its analyzer is {}, {} was asked for", request_.folder.string(), analyzer_name(manifest_.analyzer), analyzer_name(*request_.analyzer)),
                    "one catalogue has one analyzer: leave --analyzer out, or make another catalogue");
      }
    } else {
      for (const auto& entry : fs::directory_iterator(request_.folder)) {
        const std::string name = entry.path().filename().string();
        // What an import that was killed leaves behind is no reason.
        if (name == "lock" || name.starts_with(".") || name.starts_with("captions-") || name.starts_with("index-")) continue;
        throw Error(ErrorKind::usage, fmt::format("{}: holds {} and no catalogue.json", request_.folder.string(), name), "a catalogue needs a folder of its own");
      }
      manifest_.analyzer = request_.analyzer.value_or(AnalyzerKind::plain);
    }
    step("leftovers");
    delete_leftovers(request_.folder, manifest_);
    for (const SegmentRecord& record : manifest_.segments) {
      known_.push_back({CaptionStore(captions_file(request_.folder, record.number)), load_removed(request_.folder, record)});
    }
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
    const bool known = std::any_of(known_.begin(), known_.end(), [&](const KnownSegment& segment) { return segment.holds(row, key); });
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
    record_.from = request_.from.string();
    for (const fs::path& file : {captions_file(request_.folder, record_.number), index_file(request_.folder, record_.number)}) written_.push_back(file);
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
    known_.push_back({CaptionStore(captions_file(request_.folder, record_.number)), {}});
    keys_.clear();
  }

  void refuse_too_many_bad_rows() const {
    if (request_.allow_bad_rows || report_.bad * kRowsPerBadRow <= report_.rows) return;
    throw Error(ErrorKind::input_file,
                fmt::format("{}: {} of {} rows are bad, at most 1 % expected; the first: {}", request_.from.string(), report_.bad, report_.rows, report_.faults.front()),
                "nothing was added: mend the list, or take what is good of it with --allow-bad-rows");
  }

  void commit() {
    const fs::path default_videos = report_.format == CaptionFormat::folder ? request_.from : fs::absolute(request_.from).parent_path();
    const std::string videos = video_folder_text(request_.folder, request_.videos.empty() ? default_videos : request_.videos);
    auto& folders = manifest_.video_folders;
    const bool new_folder = std::find(folders.begin(), folders.end(), videos) == folders.end();
    std::error_code code;
    if (written_.empty() && !new_folder && fs::exists(manifest_file(request_.folder), code)) return;
    if (new_folder) folders.push_back(videos);
    step("names");
    sync_folder(request_.folder);
    step("manifest");
    save_manifest(request_.folder, manifest_);
    written_.clear();
    step("done");
  }

  const AddRequest& request_;
  RunContext& run_;
  CatalogueManifest manifest_;
  std::vector<KnownSegment> known_;
  KeySet keys_;
  std::unique_ptr<Segment> segment_;
  SegmentRecord record_;
  std::vector<fs::path> written_;
  AddReport report_;
};

}  // namespace

AddReport add_clips(const AddRequest& request, RunContext& run) { return Import(request, run).work(); }

uint64_t remove_clips(const fs::path& folder, const std::vector<std::string>& ids) {
  load_manifest(folder);  // A folder that is no catalogue gets no lock.
  const CatalogueLock lock(folder);
  CatalogueManifest manifest = load_manifest(folder);
  delete_leftovers(folder, manifest);
  const Catalogue catalogue(folder);
  std::vector<uint64_t> rows;
  for (const std::string& id : ids) {
    const std::vector<uint64_t> found = catalogue.rows_with_id(id);
    if (found.empty()) throw Error(ErrorKind::input_file, fmt::format("{}: no clip has the id {}", folder.string(), id));
    rows.insert(rows.end(), found.begin(), found.end());
  }
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
