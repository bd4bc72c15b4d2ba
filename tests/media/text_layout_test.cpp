#include "media/text_layout.h"

#include <gmock/gmock.h>

namespace dreamrunner {
namespace {

using testing::ElementsAre;

/// One unit a code point.
double characters(const std::string& text) {
  double count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

std::vector<std::string> wrap(const std::string& text, double width, int lines) { return wrap_text(text, width, lines, characters); }

TEST(TextLayout, BreaksAtSpaces) {
  EXPECT_THAT(wrap("a red witch is walking", 11, 9), ElementsAre("a red witch", "is walking"));
  EXPECT_THAT(wrap("  two   words ", 30, 9), ElementsAre("two words"));
  EXPECT_THAT(wrap("", 10, 9), ElementsAre());
  EXPECT_THAT(wrap("   ", 10, 9), ElementsAre());
}

TEST(TextLayout, CutsWithAnEllipsisThatFits) {
  EXPECT_THAT(wrap("a red witch is walking home", 11, 2), ElementsAre("a red witch", "is walking…"));
  EXPECT_THAT(wrap("a red witch is walking home", 11, 1), ElementsAre("a red witc…"));
  EXPECT_THAT(wrap("one two", 4, 1), ElementsAre("one…"));
  EXPECT_THAT(wrap("one two", 100, 0), ElementsAre());
}

TEST(TextLayout, BreaksLongWordsBetweenCharacters) {
  EXPECT_THAT(wrap("ääääöööö", 3, 9), ElementsAre("äää", "äöö", "öö"));
  EXPECT_THAT(wrap("an ääääöööö", 3, 2), ElementsAre("an", "ää…"));
  EXPECT_THAT(wrap("abc", 0.5, 9), ElementsAre("a", "b", "c"));
}

TEST(TextLayout, FaultyBytesAndControlCharactersAreMadeHarmless) {
  EXPECT_EQ(printable_utf8("a\tb\n\x7F"), "a b  ");
  EXPECT_EQ(printable_utf8("\xC2\x85 z"), "  z");
  EXPECT_EQ(printable_utf8("\xFF\xC3\x28"), "\uFFFD\uFFFD(");
  EXPECT_EQ(printable_utf8("\xE2\x82"), "\uFFFD\uFFFD");
  EXPECT_EQ(printable_utf8("\xC0\xAF\xED\xA0\x80\xF4\x90\x80\x80").find('/'), std::string::npos);
  EXPECT_EQ(printable_utf8("grüße 你好 \U0001F600"), "grüße 你好 \U0001F600");
}

}  // namespace
}  // namespace dreamrunner
