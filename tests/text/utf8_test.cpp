#include "text/utf8.h"

#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

TEST(Utf8, LengthOfTheFirstAndLastCharacterOfEachLength) {
  EXPECT_EQ(utf8_character_length(std::string_view("\0", 1)), 1u);
  EXPECT_EQ(utf8_character_length("\x7F"), 1u);
  EXPECT_EQ(utf8_character_length("\xC2\x80"), 2u);
  EXPECT_EQ(utf8_character_length("\xDF\xBF"), 2u);
  EXPECT_EQ(utf8_character_length("\xE0\xA0\x80"), 3u);
  EXPECT_EQ(utf8_character_length("\xED\x9F\xBF"), 3u);
  EXPECT_EQ(utf8_character_length("\xEE\x80\x80"), 3u);
  EXPECT_EQ(utf8_character_length("\xEF\xBF\xBF"), 3u);
  EXPECT_EQ(utf8_character_length("\xF0\x90\x80\x80"), 4u);
  EXPECT_EQ(utf8_character_length("\xF4\x8F\xBF\xBF"), 4u);
}

TEST(Utf8, WhatIsNoCharacterHasLengthZero) {
  for (const char* text : {"", "\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xE2\x96", "\xED\xA0\x80",
                           "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF0\x9F\xA6", "\xFF"}) {
    EXPECT_EQ(utf8_character_length(text), 0u) << testing::PrintToString(text);
  }
}

TEST(Utf8, AWholeTextIsUtf8OnlyIfEveryCharacterIs) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("fox \u2581 \U0001F98A"));
  EXPECT_FALSE(is_utf8("fox \xFF"));
  EXPECT_FALSE(is_utf8("fox \xE2\x96"));
}

TEST(Utf8, AnnouncedLengthNeverLeavesTheText) {
  EXPECT_EQ(announced_length("a"), 1u);
  EXPECT_EQ(announced_length("\x80z"), 1u);
  EXPECT_EQ(announced_length("\xF0zzzz"), 4u);
  EXPECT_EQ(announced_length("\xF0z"), 2u);
}

}  // namespace
}  // namespace dreamrunner
