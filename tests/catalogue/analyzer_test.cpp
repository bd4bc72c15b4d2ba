#include "catalogue/analyzer.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace dreamrunner {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Analyzer, SplitsAtUnicodesWordBoundaries) {
  Analyzer plain(AnalyzerKind::plain);
  EXPECT_THAT(plain.words("A person's dog, 3.5 years old: jumping!"), ElementsAre("a", "person's", "dog", "3.5", "years", "old", "jumping"));
  EXPECT_THAT(plain.words("snow_board 1,000 e.g. -- & _"), ElementsAre("snow_board", "1,000", "e.g"));
  EXPECT_THAT(plain.words(""), IsEmpty());
  EXPECT_THAT(plain.words(" \t\n... "), IsEmpty());
  EXPECT_THAT(plain.words("Stra\xC3\x9F" "e \xC3\x89T\xC3\x89"), ElementsAre("strasse", "\xC3\xA9t\xC3\xA9"));
  EXPECT_THAT(plain.words("e\xCC\x81t\xC3\xA9"), ElementsAre("\xC3\xA9t\xC3\xA9")) << "composed and decomposed letters are the same word";
  EXPECT_THAT(plain.words("\xE4\xBA\xBA\xE5\x9C\xA8 dance \xF0\x9F\x92\x83"), testing::Contains("dance"));
  EXPECT_THAT(plain.words("bad \xFF\xC3 bytes"), ElementsAre("bad", "bytes"));
}

TEST(Analyzer, EnglishWordsAreStemmed) {
  Analyzer english(AnalyzerKind::english);
  EXPECT_THAT(english.words("The person's Bowing bows politely"), ElementsAre("the", "person", "bow", "bow", "polit"));
}

/// The quick way for ASCII must not be another analyzer: the same caption with one accent elsewhere goes through ICU.
TEST(Analyzer, AsciiIsSplitAsIcuSplitsIt) {
  std::mt19937 random(7);
  constexpr std::string_view kAlphabet = "aZ09_.':,; \"-/\n\r\tbY1.";
  Analyzer plain(AnalyzerKind::plain);
  for (int i = 0; i < 60'000; ++i) {
    std::string text;
    for (size_t left = random() % 12; left > 0; --left) {
      text += random() % 8 == 0 ? static_cast<char>(random() % 128) : kAlphabet[random() % kAlphabet.size()];
    }
    ASSERT_EQ(plain.words(text), plain.words_by_icu(text)) << testing::PrintToString(text);
  }
}

TEST(Analyzer, EndlessWordsAreCut) {
  Analyzer plain(AnalyzerKind::plain);
  EXPECT_THAT(plain.words(std::string(1000, 'a') + " b"), ElementsAre(std::string(128, 'a'), "b"));
  std::string accents;
  for (int i = 0; i < 500; ++i) accents += "a\xC3\xA9";
  const std::vector<std::string> words = plain.words(accents);
  ASSERT_EQ(words.size(), 1u);
  EXPECT_EQ(words[0].size(), 127u) << "not in the middle of a character";
  EXPECT_EQ(plain.words(std::string(1000, 'a')), plain.words_by_icu(std::string(1000, 'a')));
}

TEST(Analyzer, NamesAreKnownOrRefused) {
  EXPECT_EQ(analyzer_named("english"), AnalyzerKind::english);
  EXPECT_STREQ(analyzer_name(analyzer_named("plain")), "plain");
  EXPECT_THAT(test::expect_error(ErrorKind::usage, [] { analyzer_named("german"); }), testing::HasSubstr("plain or english"));
}

}  // namespace
}  // namespace dreamrunner
