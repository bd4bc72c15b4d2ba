#include "text/charsmap.h"

#include "spiece_builder.h"

namespace dreamrunner {
namespace {

using namespace test;
using namespace std::string_literals;

void expect_broken(const std::string& bytes, const std::string& part) {
  expect_refused([&] { Charsmap(bytes, "file"); }, "file: normalisation rules: " + part);
}

TEST(Charsmap, FindsTheRuleThatATextBeginsWith) {
  const Charsmap map(small_charsmap().bytes(), "file");
  EXPECT_EQ(map.longest_match("Ax")->replacement, "a");
  EXPECT_EQ(map.longest_match("B")->replacement, "  bb");
  EXPECT_EQ(map.longest_match("-")->replacement, "");
  EXPECT_EQ(map.longest_match("-")->length, 1u);
  for (const auto& text : {"a"s, ""s, "\0"s, "\x01"s, "\xFF"s, "\xC1"s})
    EXPECT_FALSE(map.longest_match(text)) << testing::PrintToString(text);
}

TEST(Charsmap, TakesTheLongestOfTwoRules) {
  CharsmapParts parts = small_charsmap();
  // "AC" becomes " " as well: from A (at 64, branch 128) byte C is at 64 ^ 128 ^ 'C'.
  const size_t at = 64u ^ 128u ^ 'C';
  parts.units[at] = trie_unit('C', 32, true);
  parts.units[at ^ 32] = trie_value(2);
  const Charsmap map(parts.bytes(), "file");
  EXPECT_EQ(map.longest_match("ACA")->length, 2u);
  EXPECT_EQ(map.longest_match("ACA")->replacement, " ");
  EXPECT_EQ(map.longest_match("AA")->length, 1u);
}

TEST(Charsmap, AnEmptyMapHasNoRules) { EXPECT_FALSE(Charsmap().longest_match("A")); }

TEST(Charsmap, RefusesSizesThatDoNotFit) {
  const std::string good = small_charsmap().bytes();
  expect_broken("abc", "3 bytes, at least 4 expected");
  for (const uint32_t size : {0u, 1022u, 1u << 31, UINT32_MAX, UINT32_MAX - 3}) expect_broken(word(size) + good.substr(4), "a trie of");
  expect_broken(good.substr(0, 4 + 1024), "the last replacement has no end");
  expect_broken(good.substr(0, 1000), "a trie of 1024 bytes in 996 bytes");
  expect_broken(good + "x", "the last replacement has no end");
  expect_broken(good + std::string(257, 'x') + '\0', "a replacement of 257 bytes, at most 256 expected");
}

TEST(Charsmap, RefusesUnitsThatLeadOutOfTheTrie) {
  CharsmapParts parts = small_charsmap();
  parts.units[0] = trie_unit(0, 256, false);
  expect_broken(parts.bytes(), "trie unit 0 leads out of the trie");

  parts = small_charsmap();
  parts.units[64] = trie_unit('A', (1u << 21) - 1, true);
  expect_broken(parts.bytes(), "trie unit 64 leads out of the trie");

  parts = small_charsmap();
  parts.units[64] |= 1u << 9;  // Multiplies the branch by 256.
  expect_broken(parts.bytes(), "trie unit 64 leads out of the trie");

  // A block that is not whole: byte 0xFF of the root would be outside.
  parts = small_charsmap();
  parts.unit_count = 250;
  expect_broken(parts.bytes(), "trie unit 0 leads out of the trie");
}

TEST(Charsmap, RefusesValuesThatPointNowhere) {
  CharsmapParts parts = small_charsmap();
  parts.units[64 ^ 128] = trie_value(static_cast<uint32_t>(parts.pool.size()));
  expect_broken(parts.bytes(), "trie unit 64 has no replacement");

  parts = small_charsmap();
  parts.units[64 ^ 128] = 0;
  expect_broken(parts.bytes(), "trie unit 64 has no replacement");

  parts = small_charsmap();
  parts.units[0] = trie_value(0);
  expect_broken(parts.bytes(), "the trie has no root");
}

}  // namespace
}  // namespace dreamrunner
