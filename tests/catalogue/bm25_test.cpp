#include <array>
#include <memory>
#include <random>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plain_bm25.h"
#include "catalogue/bm25_builder.h"
#include "catalogue/bm25_search.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using test::score_every_row;

/// Captions indexed in segments.
class Corpus {
 public:
  void add_segment(const std::vector<std::string>& captions, size_t memory_bytes = 1 << 20) {
    const auto path = folder_ / fmt::format("{}.bm25", indexes_.size());
    Bm25Builder builder(path, AnalyzerKind::plain, memory_bytes);
    for (const std::string& caption : captions) builder.add(caption);
    builder.finish();
    indexes_.push_back(std::make_unique<Bm25Index>(path));
    removed_.emplace_back();
  }
  void remove(size_t segment, std::vector<bool> rows) { removed_[segment] = std::move(rows); }

  std::vector<Bm25Hit> search(const std::vector<std::string>& words, size_t top, const Bm25Settings& settings = {}) const {
    std::vector<Bm25Segment> segments;
    for (size_t i = 0; i < indexes_.size(); ++i) segments.push_back({indexes_[i].get(), removed_[i].empty() ? nullptr : &removed_[i]});
    return bm25_search(segments, words, top, settings);
  }
  const Bm25Index& index(size_t segment) const { return *indexes_[segment]; }

 private:
  test::TemporaryFolder folder_;
  std::vector<std::unique_ptr<Bm25Index>> indexes_;
  std::vector<std::vector<bool>> removed_;
};

std::string text_of(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

/// The same rows with the very same scores: not even the last bit differs.
void expect_same(const std::vector<Bm25Hit>& found, const std::vector<Bm25Hit>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].row, expected[i].row) << "place " << i;
    ASSERT_EQ(found[i].score, expected[i].score) << "place " << i;
  }
}

/// A made-up collection: how many rows, how long, in how many segments, is drawn; words are as unequal as in a language.
struct Made {
  std::vector<std::vector<std::string>> rows;
  std::set<uint64_t> removed;
  Corpus corpus;

  explicit Made(uint32_t seed) : random(seed) {
    const int kind = static_cast<int>(seed % 5);
    const size_t count = kind == 0 ? pick(1, 40) : kind == 4 ? pick(3000, 9000) : pick(200, 2500);
    vocabulary = pick(3, 400);
    const size_t segments = pick(1, 4);
    for (size_t s = 0; s < segments; ++s) {
      std::vector<std::string> captions;
      std::vector<bool> gone(count);
      for (size_t i = 0; i < count; ++i) {
        rows.push_back(make_row(kind));
        captions.push_back(text_of(rows.back()));
        if (pick(0, 9) == 0 && kind != 1) {
          gone[i] = true;
          removed.insert(rows.size() - 1);
        }
      }
      // The smallest arena makes many runs to merge.
      corpus.add_segment(captions, kind == 4 ? 64 << 10 : 1 << 20);
      corpus.remove(s, gone);
    }
  }

  std::vector<std::string> make_row(int kind) {
    size_t words = pick(0, 9) == 0 ? 1 : pick(0, 14);
    if (kind == 2 && pick(0, 499) == 0) words = 10'000;
    if (kind == 3 && pick(0, 19) == 0) words = pick(200, 700);
    std::vector<std::string> row;
    for (size_t i = 0; i < words; ++i) row.push_back(word());
    return row;
  }
  std::string word() {
    const double u = std::uniform_real_distribution<>(0, 1)(random);
    return fmt::format("w{}", static_cast<int>(std::pow(static_cast<double>(vocabulary), u)) - 1);
  }
  size_t pick(size_t low, size_t high) { return std::uniform_int_distribution<size_t>(low, high)(random); }

  std::mt19937 random;
  size_t vocabulary = 0;
};

class MadeCollections : public testing::TestWithParam<uint32_t> {};

TEST_P(MadeCollections, AreRankedExactlyAsByScoringEveryRow) {
  Made made(GetParam());
  for (int query = 0; query < 6; ++query) {
    std::vector<std::string> words;
    for (size_t i = made.pick(1, 4); i > 0; --i) words.push_back(made.word());
    if (query == 4) words.emplace_back("unheard-of");
    const size_t top = query % 2 == 0 ? 400 : made.pick(1, 30);
    const Bm25Settings settings = query < 4 ? Bm25Settings{} : Bm25Settings{made.pick(0, 1) == 0 ? 0.0 : 2.5, made.pick(0, 1) == 0 ? 0.0 : 1.0};
    SCOPED_TRACE(fmt::format("{} rows, query {}, top {}", made.rows.size(), text_of(words), top));
    expect_same(made.corpus.search(words, top, settings), score_every_row(made.rows, made.removed, words, top, settings.k1, settings.b));
    if (testing::Test::HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(TwoHundred, MadeCollections, testing::Range(0u, 200u));

/// Field case R1: a word that half of the texts hold must not count for nothing or less. Values of the case, by hand.
TEST(Bm25, FrequentWordsCountAboveZero) {
  Corpus corpus;
  corpus.add_segment({"This text contains keyword1 and Keyword2", "That is a text that contains keyword1 and term1",
                      "Page contains no keywords but contains term1 and term2", "This text contains no keywords"});
  Analyzer analyzer(AnalyzerKind::plain);
  const auto hits = corpus.search(analyzer.words("This is a question about keyword1 & term1"), 4, {.k1 = 1.5, .b = 0.75});
  std::map<uint64_t, double> scores;
  for (const Bm25Hit& hit : hits) scores[hit.row] = hit.score;
  EXPECT_NEAR(scores[0], 0.6012, 5e-5);
  EXPECT_NEAR(scores[1], 1.3690, 5e-5);
  EXPECT_NEAR(scores[2], 0.2501, 5e-5);
  EXPECT_NEAR(scores[3], 0.3223, 5e-5);
  EXPECT_EQ(hits.front().row, 1u);
}

/// Field case R3.
TEST(Bm25, OddQueriesAndCollectionsGiveFewRowsOrNone) {
  Corpus corpus;
  EXPECT_TRUE(corpus.search({"person"}, 5).empty()) << "no segment";
  corpus.add_segment({});
  EXPECT_TRUE(corpus.search({"person"}, 5).empty()) << "no rows";
  corpus.add_segment({"", "   ", "..."});
  EXPECT_TRUE(corpus.search({"person"}, 5).empty()) << "no words";
  corpus.add_segment({"a person bows"});
  EXPECT_EQ(corpus.search({"person"}, 50).size(), 1u);
  EXPECT_EQ(corpus.search({"person"}, 50).front().row, 3u);
  EXPECT_TRUE(corpus.search({"unheard", "of"}, 5).empty());
  EXPECT_TRUE(corpus.search({}, 5).empty());
  EXPECT_TRUE(corpus.search({"person"}, 0).empty());
  EXPECT_EQ(corpus.search({"person", "bows", "a"}, SIZE_MAX).size(), 1u);
}

TEST(Bm25, SettingsOutOfRangeAreRefused) {
  Corpus corpus;
  corpus.add_segment({"a person"});
  for (const Bm25Settings& bad : {Bm25Settings{-0.1, 0.75}, Bm25Settings{std::nan(""), 0.75}, Bm25Settings{1.2, 1.01}, Bm25Settings{1.2, -1}, Bm25Settings{INFINITY, 0.5}}) {
    EXPECT_THAT(test::expect_error(ErrorKind::usage, [&] { corpus.search({"person"}, 1, bad); }), testing::HasSubstr("expected"));
  }
}

TEST(Bm25, AWordThatTheQueryRepeatsCountsAsOften) {
  Corpus corpus;
  corpus.add_segment({"red dress", "blue dress", "red"});
  expect_same(corpus.search({"red", "dress", "red"}, 3), score_every_row({{"red", "dress"}, {"blue", "dress"}, {"red"}}, {}, {"red", "dress", "red"}, 3));
}

TEST(Bm25, SegmentsGiveTheScoresOfOneIndex) {
  std::vector<std::string> captions;
  for (int i = 0; i < 700; ++i) captions.push_back(fmt::format("a person is {} in place {}", i % 7 == 0 ? "bowing" : "walking", i % 13));
  Corpus one;
  one.add_segment(captions);
  Corpus three;
  three.add_segment({captions.begin(), captions.begin() + 1});
  three.add_segment({captions.begin() + 1, captions.begin() + 400});
  three.add_segment({captions.begin() + 400, captions.end()});
  expect_same(three.search({"person", "is", "bowing"}, 400), one.search({"person", "is", "bowing"}, 400));
}

TEST(Bm25, TheIndexIsTheSameWithAnyMemory) {
  std::vector<std::string> captions;
  for (int i = 0; i < 20'000; ++i) captions.push_back(fmt::format("word{} is {} of {}", i % 977, i % 31, i));
  test::TemporaryFolder folder;
  const auto bytes_with = [&](size_t memory) {
    const auto path = folder / fmt::format("{}", memory);
    Bm25Builder builder(path, AnalyzerKind::plain, memory);
    for (const std::string& caption : captions) builder.add(caption);
    builder.finish();
    return read_file(path, 1 << 30);
  };
  EXPECT_EQ(bytes_with(64 << 10), bytes_with(64 << 20));
}

TEST(Bm25, ACaptionLargerThanTheMemoryIsIndexed) {
  std::string caption;
  for (int i = 0; i < 40'000; ++i) caption += fmt::format("unusual{} ", i);
  Corpus corpus;
  corpus.add_segment({"usual", caption, "usual unusual7"}, 64 << 10);
  EXPECT_EQ(corpus.index(0).words_in_row(1), 40'000u);
  EXPECT_EQ(corpus.index(0).distinct_words(), 40'001u);
  EXPECT_EQ(corpus.search({"unusual7"}, 5).size(), 2u);
}

TEST(Bm25Blocks, NumbersOfAnyWidthComeBack) {
  std::mt19937 random(1);
  for (int bits = 0; bits <= 32; ++bits) {
    std::array<uint32_t, kBlockRows> values{};
    for (uint32_t& value : values) value = bits == 0 ? 0 : static_cast<uint32_t>(random() >> (32 - bits));
    if (bits > 0) values[77] = bits == 32 ? UINT32_MAX : (uint32_t{1} << bits) - 1;
    EXPECT_EQ(bits_of(values.data()), bits);
    std::string packed;
    pack_block(values.data(), bits, packed);
    EXPECT_EQ(packed.size(), packed_size(bits));
    std::array<uint32_t, kBlockRows> again{};
    unpack_block(reinterpret_cast<const uint8_t*>(packed.data()), bits, again.data());
    EXPECT_EQ(again, values) << bits;
  }
}

}  // namespace
}  // namespace dreamrunner
