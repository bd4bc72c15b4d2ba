#include "text/clip_tokenizer.h"

#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kSmallVocabulary =
    R"({"a": 0, "b": 1, "a</w>": 2, "b</w>": 3, "ab": 4, "ab</w>": 5, "aab</w>": 6, "<|startoftext|>": 7, "<|endoftext|>": 8})";
constexpr const char* kSmallMerges = "#version: 0.2\na b\na b</w>\na ab</w>\n";

class ClipTokenizerTest : public testing::Test {
 protected:
  ClipTokenizer open(const std::string& vocabulary = kSmallVocabulary, const std::string& merges = kSmallMerges) {
    std::ofstream(folder_ / "vocab.json") << vocabulary;
    std::ofstream(folder_ / "merges.txt") << merges;
    return ClipTokenizer::from_folder(folder_.path());
  }
  std::string refused_vocabulary(const std::string& vocabulary) {
    return test::expect_error(ErrorKind::input_file, [&] { open(vocabulary); });
  }
  std::string refused_merges(const std::string& merges) {
    return test::expect_error(ErrorKind::input_file, [&] { open(kSmallVocabulary, merges); });
  }

  test::TemporaryFolder folder_;
};

TEST_F(ClipTokenizerTest, JoinsTheBestRankedPairFirst) {
  const ClipTokenizer tokenizer = open();
  EXPECT_THAT(tokenizer.encode("ab", 10).ids, ElementsAre(7, 5, 8));
  EXPECT_THAT(tokenizer.encode("AAB", 10).ids, ElementsAre(7, 6, 8));
  EXPECT_THAT(tokenizer.encode("abab b", 10).ids, ElementsAre(7, 4, 5, 3, 8));
}

TEST_F(ClipTokenizerTest, AByteOutsideTheVocabularyIsTheEndToken) { EXPECT_THAT(open().encode("aca", 10).ids, ElementsAre(7, 0, 8, 2, 8)); }

TEST_F(ClipTokenizerTest, NamesOfSpecialTokensArePlainText) {
  const TokenizedText text = open().encode("<|endoftext|>", 100);
  EXPECT_EQ(text.ids.size(), 15u);  // "<|", "endoftext", "|>" byte by byte, and the two around them
}

TEST_F(ClipTokenizerTest, ACutTextKeepsItsEndToken) {
  const TokenizedText text = open().encode("a a a a a", 4);
  EXPECT_THAT(text.ids, ElementsAre(7, 2, 2, 8));
  EXPECT_TRUE(text.cut);
  EXPECT_EQ(text.length, 7);
}

TEST_F(ClipTokenizerTest, WhatIsNotUtf8CountsAsAReplacementCharacter) {
  const ClipTokenizer tokenizer = open();
  EXPECT_EQ(tokenizer.encode("a\xff", 20).ids, tokenizer.encode("a\xef\xbf\xbd", 20).ids);
  EXPECT_EQ(tokenizer.encode("\xc3", 20).ids, tokenizer.encode("\xef\xbf\xbd", 20).ids);
}

TEST_F(ClipTokenizerTest, AWordOfAMillionLettersTakesNoTime) {
  const TokenizedText text = open().encode(std::string(1'000'000, 'a'), 77);
  EXPECT_EQ(text.length, 1'000'002);
  EXPECT_EQ(text.ids.size(), 77u);
}

TEST_F(ClipTokenizerTest, AVocabularyThatIsNoneIsRefusedWithThePlace) {
  EXPECT_THAT(refused_vocabulary("{"), HasSubstr("no JSON"));
  EXPECT_THAT(refused_vocabulary(R"(["a"])"), HasSubstr("found a list"));
  EXPECT_THAT(refused_vocabulary(R"({"a": {"b": 1}})"), HasSubstr("\"a\": found an object"));
  EXPECT_THAT(refused_vocabulary(R"({"a": "0"})"), HasSubstr("\"a\": found a string"));
  EXPECT_THAT(refused_vocabulary(R"({"a": -1})"), HasSubstr("found a negative number"));
  EXPECT_THAT(refused_vocabulary(R"({"a": 0, "a": 1})"), HasSubstr("token \"a\" is there twice"));
  EXPECT_THAT(refused_vocabulary(R"({"a": 0, "b": 0})"), HasSubstr("id 0 is there twice"));
  EXPECT_THAT(refused_vocabulary(R"({"a": 0, "b": 2})"), HasSubstr("id 2 in a vocabulary of 2"));
  EXPECT_THAT(refused_vocabulary(R"({"a": 4000000000})"), HasSubstr("less than 1000000 expected"));
  EXPECT_THAT(refused_vocabulary("{\"" + std::string(2000, 'x') + "\": 0}"), HasSubstr("a token of 2000 bytes"));
  EXPECT_THAT(refused_vocabulary(std::string(100'000, '[')), HasSubstr("found a list"));
  EXPECT_THAT(refused_vocabulary("{\"\xff\": 0}"), HasSubstr("not UTF-8"));
}

TEST_F(ClipTokenizerTest, MergesThatDoNotFitAreRefusedWithTheirLine) {
  EXPECT_THAT(refused_merges("a b\n"), HasSubstr("line 1: a heading with \"#version\" expected"));
  EXPECT_THAT(refused_merges("#version: 0.2\nab\n"), HasSubstr("line 2: two tokens with one blank"));
  EXPECT_THAT(refused_merges("#version: 0.2\na b c\n"), HasSubstr("line 2: two tokens with one blank"));
  EXPECT_THAT(refused_merges("#version: 0.2\na b\n\na b</w>\n"), HasSubstr("line 3: two tokens with one blank"));
  EXPECT_THAT(refused_merges("#version: 0.2\na c\n"), HasSubstr("line 2: token \"c\" is not in vocab.json"));
  EXPECT_THAT(refused_merges("#version: 0.2\nb a\n"), HasSubstr("line 2: token \"ba\" is not in vocab.json"));
  EXPECT_THAT(refused_merges("#version: 0.2\na b\na b\n"), HasSubstr("line 3: this merge is there twice"));
}

TEST_F(ClipTokenizerTest, MissingSpecialTokensAreNamed) {
  EXPECT_THAT(refused_vocabulary(R"({"a": 0, "b": 1, "ab": 2, "b</w>": 3, "ab</w>": 4, "aab</w>": 5, "<|startoftext|>": 6})"),
              HasSubstr("\"<|endoftext|>\" is missing"));
  EXPECT_THAT(refused_vocabulary(R"({"a": 0, "b": 1, "ab": 2, "b</w>": 3, "ab</w>": 4, "aab</w>": 5, "<|endoftext|>": 6})"),
              HasSubstr("\"<|startoftext|>\" is missing"));
}

TEST_F(ClipTokenizerTest, DamagedFilesAreRefusedOrReadAndNeverCrash) {
  std::mt19937 draw(3);
  int refused = 0;
  for (int i = 0; i < 400; ++i) {
    std::string vocabulary = kSmallVocabulary, merges = kSmallMerges;
    std::string& file = i % 2 == 0 ? vocabulary : merges;
    for (uint32_t change = draw() % 3 + 1; change > 0; --change) file[draw() % file.size()] = static_cast<char>(draw() % 256);
    if (draw() % 8 == 0) file.resize(draw() % file.size());
    try {
      const ClipTokenizer tokenizer = open(vocabulary, merges);
      for (const int64_t id : tokenizer.encode("aab ab b\xf0\x9f", 20).ids) ASSERT_LT(id, tokenizer.size());
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::input_file) << error.line();
      ++refused;
    }
  }
  EXPECT_GT(refused, 200);
}

}  // namespace
}  // namespace dreamrunner
