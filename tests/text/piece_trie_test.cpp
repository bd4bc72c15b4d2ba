#include "text/piece_trie.h"

#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

TEST(PieceTrie, FindsExactStringsOnly) {
  const PieceTrie trie({{"fox", 4}, {"f", 0}, {"fo", 7}, {"\xFFz", 9}});
  EXPECT_EQ(trie.find("f"), 0);
  EXPECT_EQ(trie.find("fo"), 7);
  EXPECT_EQ(trie.find("fox"), 4);
  EXPECT_EQ(trie.find("\xFFz"), 9);
  for (const char* absent : {"", "\xFF", "foxe", "o", "x"}) EXPECT_EQ(trie.find(absent), PieceTrie::kNoValue) << absent;
}

TEST(PieceTrie, LongestPrefixSkipsWhatOnlyBegins) {
  const PieceTrie trie({{"a", 1}, {"abcd", 2}});
  EXPECT_EQ(trie.longest_prefix("abcx"), 1u);
  EXPECT_EQ(trie.longest_prefix("abcde"), 4u);
  EXPECT_EQ(trie.longest_prefix("ab"), 1u);
  EXPECT_EQ(trie.longest_prefix("b"), 0u);
  EXPECT_EQ(trie.longest_prefix(""), 0u);
}

TEST(PieceTrie, AnEmptyTrieFindsNothing) {
  const PieceTrie trie;
  EXPECT_EQ(trie.find("a"), PieceTrie::kNoValue);
  EXPECT_EQ(trie.longest_prefix("a"), 0u);
  EXPECT_EQ(trie.child(PieceTrie::kRoot, 'a'), PieceTrie::kNone);
}

TEST(PieceTrie, AgreesWithAMapOnRandomStrings) {
  std::mt19937 random(3);
  std::map<std::string, int32_t> expected;
  for (int i = 0; i < 3000; ++i) {
    std::string text(1 + random() % 6, '\0');
    for (char& c : text) c = static_cast<char>(random() % 5 * 60);
    expected.emplace(text, i);
  }
  const PieceTrie trie(std::vector<PieceTrie::Entry>(expected.begin(), expected.end()));
  for (int i = 0; i < 20000; ++i) {
    std::string text(1 + random() % 7, '\0');
    for (char& c : text) c = static_cast<char>(random() % 5 * 60);
    EXPECT_EQ(trie.find(text), expected.contains(text) ? expected.at(text) : PieceTrie::kNoValue);
    size_t longest = text.size();
    while (longest > 0 && !expected.contains(text.substr(0, longest))) --longest;
    EXPECT_EQ(trie.longest_prefix(text), longest);
  }
}

}  // namespace
}  // namespace dreamrunner
