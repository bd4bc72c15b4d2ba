#include "catalogue/bm25_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

/// Rows up to this length have their norms and most frequent scores in tables.
constexpr uint32_t kTableWords = 256;
/// Repeats of a word that have a table.
constexpr uint32_t kTableTimes = 3;

bool better(const Bm25Hit& a, const Bm25Hit& b) { return a.score > b.score || (a.score == b.score && a.row < b.row); }

/// The best hits so far.
class BestHits {
 public:
  explicit BestHits(size_t most) : most_(most) {}

  /// Whether a row from `row` on with a score of at most `score` could be among the best.
  bool lets_in(double score, uint64_t row) const { return hits_.size() < most_ || score > hits_.front().score || (score == hits_.front().score && row < hits_.front().row); }

  void add(const Bm25Hit& hit) {
    if (!lets_in(hit.score, hit.row)) return;
    if (hits_.size() == most_) {
      std::pop_heap(hits_.begin(), hits_.end(), better);
      hits_.back() = hit;
    } else {
      hits_.push_back(hit);
    }
    std::push_heap(hits_.begin(), hits_.end(), better);
  }

  std::vector<Bm25Hit> sorted() && {
    std::sort(hits_.begin(), hits_.end(), better);
    return std::move(hits_);
  }

 private:
  size_t most_;
  std::vector<Bm25Hit> hits_;  ///< A heap, the worst in front.
};

/// The statistics and settings that make lengths and counts a score.
class Scale {
 public:
  Scale(const Bm25Settings& settings, double mean_words) : settings_(settings), mean_words_(mean_words) {
    for (uint32_t words = 0; words < kTableWords; ++words) norms_[words] = bm25_norm(settings, words, mean_words);
  }
  double norm(uint32_t words) const { return words < kTableWords ? norms_[words] : bm25_norm(settings_, words, mean_words_); }

 private:
  Bm25Settings settings_;
  double mean_words_;
  std::array<double, kTableWords> norms_{};
};

/// A distinct word of the query.
class QueryWord {
 public:
  QueryWord(double weight, const Scale& scale) : weight_(weight), scale_(&scale), table_(kTableTimes * kTableWords) {
    for (uint32_t times = 1; times <= kTableTimes; ++times) {
      for (uint32_t words = 0; words < kTableWords; ++words) table_[(times - 1) * kTableWords + words] = bm25_part(weight, times, scale.norm(words));
    }
  }

  /// What the word adds to the score of a row of `words` words that holds it `times` times.
  double part(uint32_t times, uint32_t words) const {
    if (times - 1 < kTableTimes && words < kTableWords) return table_[(times - 1) * kTableWords + words];
    return times == 0 ? 0.0 : bm25_part(weight_, times, scale_->norm(words));
  }

  /// The most that it adds to one of the rows that `impact` sums up, of those with at least `words` words.
  double most(const Impact& impact, uint32_t words = 0) const { return most_of(impact, [&](uint32_t shortest) { return std::max(shortest, words); }); }

  /// The same of those with exactly `words` words.
  double most_at(const Impact& impact, uint32_t words) const {
    double best = 0;
    if (impact.shortest_once != Impact::kNone && impact.shortest_once <= words) best = part(1, words);
    if (impact.shortest_twice != Impact::kNone && impact.shortest_twice <= words) best = part(2, words);
    if (impact.shortest_often != Impact::kNone && impact.shortest_often <= words) best = often(impact, words);
    return best;
  }

 private:
  template <typename Words>
  double most_of(const Impact& impact, Words words_of) const {
    double best = 0;
    if (impact.shortest_once != Impact::kNone) best = part(1, words_of(impact.shortest_once));
    if (impact.shortest_twice != Impact::kNone) best = std::max(best, part(2, words_of(impact.shortest_twice)));
    if (impact.shortest_often != Impact::kNone) best = std::max(best, often(impact, words_of(impact.shortest_often)));
    return best;
  }
  double often(const Impact& impact, uint32_t words) const { return impact.most == Impact::kMany ? weight_ : part(impact.most, words); }

  double weight_;
  const Scale* scale_;
  std::vector<double> table_;
};

struct Query {
  std::vector<QueryWord> words;                             ///< In the order of the query.
  std::vector<std::vector<std::optional<WordInfo>>> infos;  ///< By segment, then word.
  std::vector<size_t> turns;                                ///< Words by what they can add, most first.
  std::vector<Impact> impacts;                              ///< Of each word over all segments.
};

void check_settings(const Bm25Settings& settings) {
  if (!std::isfinite(settings.k1) || settings.k1 < 0) throw Error(ErrorKind::usage, fmt::format("k1: found {}, 0 or more expected", settings.k1));
  if (!(settings.b >= 0 && settings.b <= 1)) throw Error(ErrorKind::usage, fmt::format("b: found {}, 0 to 1 expected", settings.b));
}

/// Looks the query's words up; those that no row holds are left out.
Query look_up(std::span<const Bm25Segment> segments, const std::vector<std::string>& words, uint64_t rows, const Scale& scale) {
  Query query;
  query.infos.resize(segments.size());
  for (size_t i = 0; i < words.size(); ++i) {
    if (std::find(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(i), words[i]) != words.begin() + static_cast<std::ptrdiff_t>(i)) continue;
    uint64_t holders = 0;
    Impact impact;
    std::vector<std::optional<WordInfo>> found;
    for (const Bm25Segment& segment : segments) {
      found.push_back(segment.index->find(words[i]));
      if (!found.back()) continue;
      holders += found.back()->rows;
      impact.add(found.back()->impact);
    }
    if (holders == 0) continue;
    const auto repeats = static_cast<double>(std::count(words.begin(), words.end(), words[i]));
    query.words.emplace_back(bm25_idf(rows, holders) * repeats, scale);
    query.impacts.push_back(impact);
    for (size_t s = 0; s < segments.size(); ++s) query.infos[s].push_back(found[s]);
  }
  query.turns.resize(query.words.size());
  std::iota(query.turns.begin(), query.turns.end(), size_t{0});
  std::stable_sort(query.turns.begin(), query.turns.end(), [&](size_t a, size_t b) { return query.words[a].most(query.impacts[a]) > query.words[b].most(query.impacts[b]); });
  return query;
}

/// One word's turn in one segment.
class Turn {
 public:
  Turn(const Query& query, const Bm25Segment& segment, size_t segment_number, uint64_t first_row, size_t turn, BestHits& best)
      : query_(query), segment_(segment), first_row_(first_row), lead_(query.turns[turn]), lead_cursor_(*segment.index, *query.infos[segment_number][lead_]),
        best_(best), parts_(query.words.size()) {
    const auto& infos = query.infos[segment_number];
    for (size_t place = 0; place < query.turns.size(); ++place) {
      const size_t word = query.turns[place];
      if (place != turn && infos[word]) (place < turn ? earlier_ : later_).push_back({word, PostingsCursor(*segment.index, *infos[word]), {}});
    }
  }

  void run() {
    for (size_t block = 0; block < lead_cursor_.blocks(); ++block) {
      const uint32_t first = block == 0 ? 0 : lead_cursor_.last_row(block - 1) + 1;
      const uint32_t last = lead_cursor_.last_row(block);
      const Impact impact = lead_cursor_.impact(block);
      if (!best_.lets_in(most_in_block(impact), first_row_ + first)) continue;
      if (!later_.empty()) {
        look_beside(first, last);
        if (!best_.lets_in(most_in_block_nearby(impact), first_row_ + first)) continue;
      }
      segment_.index->check_lengths(first, last);
      lead_cursor_.move_to_block(block);
      find_lengths_that_get_in(impact, first_row_ + first);
      score_block();
    }
  }

 private:
  /// Impacts do not tell rows of this length and more apart.
  static constexpr uint32_t kLongRow = 254;

  struct Other {
    size_t word;
    PostingsCursor cursor;
    Impact nearby;  ///< Of its blocks that the lead's block overlaps.
  };

  /// The sum in the order of the query, whatever the turns: sums of doubles depend on it. Words that a row does not hold add
  /// 0, which changes no sum.
  double sum_of_parts() const {
    double sum = 0;
    for (const double part : parts_) sum += part;
    return sum;
  }

  static uint32_t shortest(const Impact& impact) { return std::min({impact.shortest_once, impact.shortest_twice, impact.shortest_often}); }

  /// The most that a row of the lead's block can score, by what is known of the later words as a whole.
  double most_in_block(const Impact& impact) {
    parts_[lead_] = query_.words[lead_].most(impact);
    for (const Other& other : later_) parts_[other.word] = query_.words[other.word].most(query_.impacts[other.word], shortest(impact));
    return sum_of_parts();
  }

  /// The same by their blocks nearby.
  double most_in_block_nearby(const Impact& impact) {
    parts_[lead_] = query_.words[lead_].most(impact);
    for (const Other& other : later_) parts_[other.word] = query_.words[other.word].most(other.nearby, shortest(impact));
    return sum_of_parts();
  }

  void look_beside(uint32_t first, uint32_t last) {
    for (Other& other : later_) {
      other.nearby = {};
      if (!other.cursor.move_to_block_of(first)) continue;
      for (size_t block = other.cursor.block(); block < other.cursor.blocks(); ++block) {
        other.nearby.add(other.cursor.impact(block));
        if (other.cursor.last_row(block) >= last) break;
      }
    }
  }

  /// The most that a row of `words` words can score that holds the lead `times` times.
  double most_of_row(uint32_t times, uint32_t words) {
    parts_[lead_] = query_.words[lead_].part(times, words);
    for (const Other& other : later_) parts_[other.word] = query_.words[other.word].most_at(other.nearby, words);
    return sum_of_parts();
  }

  /// Which lengths let a row get in that holds the lead once: others need no look. The bound falls with the length, but
  /// where a later word may stand once, twice or more often it jumps up; so steps are small only while rows get in.
  void find_lengths_that_get_in(const Impact& impact, uint64_t row) {
    gets_in_.fill(false);
    uint32_t words = shortest(impact);
    while (words < kLongRow) {
      gets_in_[words] = best_.lets_in(most_of_row(1, words), row);
      if (gets_in_[words++]) continue;
      uint32_t jump = kLongRow;
      for (const Other& other : later_) {
        for (const uint32_t from : {other.nearby.shortest_once, other.nearby.shortest_twice, other.nearby.shortest_often}) {
          if (from >= words) jump = std::min(jump, from);
        }
      }
      words = jump;
    }
    gets_in_[kLongRow] = best_.lets_in(most_of_row(1, kLongRow), row);
  }

  void score_block() {
    const std::span<const uint32_t> rows = lead_cursor_.rows_in_block();
    const bool once_only = lead_cursor_.all_once();
    for (size_t i = 0; i < rows.size(); ++i) {
      const uint32_t words = segment_.index->checked_words_in_row(rows[i]);
      if (!gets_in_[std::min(words, kLongRow)] && (once_only || lead_cursor_.times(i) == 1)) continue;
      score_row(rows[i], lead_cursor_.times(i), words);
    }
  }

  void score_row(uint32_t row, uint32_t times, uint32_t words) {
    double most = most_of_row(times, words);
    if (!best_.lets_in(most, first_row_ + row)) return;
    for (Other& other : later_) {
      parts_[other.word] = query_.words[other.word].part(other.cursor.times_in(row), words);
      most = sum_of_parts();
      if (!best_.lets_in(most, first_row_ + row)) return;
    }
    for (Other& other : earlier_) {
      if (other.cursor.times_in(row) > 0) return;
    }
    if (segment_.removed != nullptr && (*segment_.removed)[row]) return;
    best_.add({first_row_ + row, most});
  }

  const Query& query_;
  const Bm25Segment& segment_;
  uint64_t first_row_;
  size_t lead_;
  PostingsCursor lead_cursor_;
  BestHits& best_;
  std::vector<double> parts_;  ///< Of the row at hand, or bounds of them; by word. Words that had their turn stay 0.
  std::array<bool, kLongRow + 1> gets_in_{};  ///< By the words in a row.
  std::vector<Other> earlier_, later_;
};

}  // namespace

std::vector<Bm25Hit> bm25_search(std::span<const Bm25Segment> segments, const std::vector<std::string>& words, size_t top, const Bm25Settings& settings) {
  check_settings(settings);
  uint64_t rows = 0;
  uint64_t all_words = 0;
  for (const Bm25Segment& segment : segments) {
    rows += segment.index->rows();
    all_words += segment.index->words();
  }
  if (top == 0 || all_words == 0) return {};
  const Scale scale(settings, static_cast<double>(all_words) / static_cast<double>(rows));
  const Query query = look_up(segments, words, rows, scale);

  BestHits best(static_cast<size_t>(std::min<uint64_t>(top, rows)));
  for (size_t turn = 0; turn < query.turns.size(); ++turn) {
    // Summed in the order of the query, as scores are: only so is the bound never below a score.
    double most_left = 0;
    for (size_t word = 0; word < query.words.size(); ++word) {
      if (std::find(query.turns.begin() + static_cast<std::ptrdiff_t>(turn), query.turns.end(), word) != query.turns.end()) {
        most_left += query.words[word].most(query.impacts[word]);
      }
    }
    if (!best.lets_in(most_left, 0)) break;
    uint64_t first_row = 0;
    for (size_t s = 0; s < segments.size(); ++s) {
      if (query.infos[s][query.turns[turn]]) Turn(query, segments[s], s, first_row, turn, best).run();
      first_row += segments[s].index->rows();
    }
  }
  return std::move(best).sorted();
}

}  // namespace dreamrunner
