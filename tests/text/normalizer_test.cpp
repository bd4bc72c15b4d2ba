#include "text/normalizer.h"

#include "spiece_builder.h"

namespace dreamrunner {
namespace {

using namespace test;

std::string normalize(std::string_view text, NormalizerSpec spec = {}, std::vector<PieceTrie::Entry> user_defined = {}) {
  if (spec.charsmap.empty()) spec.charsmap = small_charsmap().bytes();
  return Normalizer(spec, PieceTrie(std::move(user_defined)), "file").normalize(text);
}

TEST(Normalizer, BlanksCollapseAndAreMarked) {
  EXPECT_EQ(normalize("  a  b "), "\u2581a\u2581b");
  EXPECT_EQ(normalize("a\tb"), "\u2581a\u2581b");
  EXPECT_EQ(normalize("a \t b"), "\u2581a\u2581b");
}

TEST(Normalizer, NothingButBlanksLeavesNoLoneMark) {
  for (const char* text : {"", " ", " \t ", "-", " - "}) EXPECT_EQ(normalize(text), "") << testing::PrintToString(text);
}

TEST(Normalizer, ARuleThatDeletesDoesNotPartBlanks) { EXPECT_EQ(normalize("a - b-c"), "\u2581a\u2581bc"); }

TEST(Normalizer, BlanksInsideAReplacementCountAsBlanks) {
  EXPECT_EQ(normalize("aB"), "\u2581a\u2581\u2581bb");
  EXPECT_EQ(normalize("a B"), "\u2581a\u2581bb");
  EXPECT_EQ(normalize("B"), "\u2581bb");
}

TEST(Normalizer, KeepsBlanksWhenToldTo) {
  NormalizerSpec spec;
  spec.remove_extra_whitespaces = false;
  EXPECT_EQ(normalize(" a  b ", spec), "\u2581\u2581a\u2581\u2581b\u2581");
  EXPECT_EQ(normalize(" ", spec), "\u2581\u2581");
  spec.escape_whitespaces = false;
  EXPECT_EQ(normalize(" a", spec), "  a");
}

TEST(Normalizer, TheDummyPrefixCanBeAbsentOrBehind) {
  NormalizerSpec spec;
  spec.add_dummy_prefix = false;
  EXPECT_EQ(normalize(" a ", spec), "a");
  spec.add_dummy_prefix = spec.blank_is_suffix = true;
  EXPECT_EQ(normalize(" a b ", spec), "a\u2581b\u2581");
  EXPECT_EQ(normalize(" ", spec), "");
}

TEST(Normalizer, UserDefinedSymbolsAreNotRewritten) {
  EXPECT_EQ(normalize("AB A"), "\u2581a\u2581\u2581bb\u2581a");
  EXPECT_EQ(normalize("AB A", {}, {{"AB", 0}}), "\u2581AB\u2581a");
}

TEST(Normalizer, EveryByteThatIsNotUtf8BecomesAReplacementCharacter) {
  EXPECT_EQ(normalize("a\xFF\xFEz"), "\u2581a\uFFFD\uFFFDz");
  EXPECT_EQ(normalize("\xED\xA0\x80"), "\u2581\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(normalize("\xE2\x96"), "\u2581\uFFFD\uFFFD");
}

TEST(Normalizer, NamesTheFileOfDamagedRules) {
  NormalizerSpec spec;
  spec.charsmap = "damaged";
  expect_refused([&] { Normalizer(spec, {}, "some/spiece.model"); }, "some/spiece.model: normalisation rules");
}

}  // namespace
}  // namespace dreamrunner
