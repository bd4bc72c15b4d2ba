#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/run_context.h"
#include "catalogue/analyzer.h"
#include "catalogue/bm25.h"

namespace dreamrunner {

/// A captioned clip of a catalogue.
struct Clip {
  uint64_t row = 0;            ///< Its number in the catalogue, from 0: stays the same as long as the catalogue lives.
  std::string id;              ///< As the list called it, or made from video and span. Two rows may share one.
  std::string source;          ///< Which video: its id on its site (YouTube's, WebVid's), or its path in the list.
  std::string listed_path;     ///< The video's path as the list has it; empty where it names the source only.
  std::optional<std::filesystem::path> video;  ///< The video's file; nothing while it is missing.
  std::string caption;
  double start_s = 0;
  std::optional<double> end_s;  ///< Nothing: to the end of the video.
  int width = 0;                ///< Pixels as the list says; 0 where it does not.
  int height = 0;
  Json extra;                   ///< What else the list says, scores among it: an object, maybe empty.
};

/// A row that holds words of a query. Better is a higher score, then a lower row.
struct ClipHit {
  uint64_t row = 0;
  double score = 0;
};

/// What `clips stats` tells.
struct CatalogueStats {
  uint64_t clips = 0;
  uint64_t removed = 0;
  uint64_t videos_there = 0;   ///< Clips whose video's file is there.
  uint64_t videos_missing = 0;
  uint64_t words = 0;          ///< In all captions, repeats counted.
  uint64_t without_words = 0;  ///< Clips whose caption has none: no query finds them.
  uint64_t longest = 0;        ///< Words in the longest caption.
  uint64_t bytes = 0;          ///< Of its files.
  size_t segments = 0;
  AnalyzerKind analyzer = AnalyzerKind::plain;
  std::vector<std::filesystem::path> video_folders;
};

/// A folder of captioned clips that can be searched, opened for reading: rows and index are mapped, so that it opens in a
/// millisecond and takes memory only for what is looked at. What others add later is seen by those who open it later.
/// Reading is safe from several threads.
class Catalogue {
 public:
  /// Throws Error(input_file) when there is no catalogue, or its files are damaged or of another version.
  explicit Catalogue(const std::filesystem::path& folder);
  ~Catalogue();
  Catalogue(Catalogue&&) noexcept;
  Catalogue& operator=(Catalogue&&) noexcept;

  const std::filesystem::path& folder() const;
  /// Rows, removed ones included: a row's number is below it.
  uint64_t rows() const;
  AnalyzerKind analyzer() const;
  bool is_removed(uint64_t row) const;

  /// The `top` clips whose captions fit `query` best by BM25 (bm25.h), best first; fewer where fewer hold a word of it. The
  /// ranking is exactly that of scoring every row. Throws Error(usage) for settings out of range.
  std::vector<ClipHit> search(std::string_view query, size_t top, const Bm25Settings& settings = {}) const;
  /// The query as its distinct words, and how many captions hold each: for messages when little is found.
  std::vector<std::pair<std::string, uint64_t>> words_of(std::string_view query) const;

  /// The clip of a row below rows(). Looks for its video each time: a path of the list below each of the video folders, the one
  /// that its import named first, then SOURCE.mp4, .webm, .mkv, .mov, .avi, .m4v there.
  Clip clip(uint64_t row) const;
  /// Rows with this id that are not removed, ascending.
  std::vector<uint64_t> rows_with_id(std::string_view id) const;

  /// Walks through all rows. Reports progress, stops when told.
  CatalogueStats stats(RunContext& run) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dreamrunner
