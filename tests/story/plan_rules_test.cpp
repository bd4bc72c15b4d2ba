#include "story/plan_rules.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

using ::testing::HasSubstr;

TEST(TextFault, AcceptsAnyUnicodeText) {
  for (const char* text : {"", "a red witch", "l'élève", "猫が走る", "🐈 runs", "\u00a0", "\U0010ffff"}) EXPECT_EQ(text_fault(text), std::nullopt) << text;
}

TEST(TextFault, RefusesWhatIsNotUtf8) {
  const char* const kBad[] = {"\x80", "a\xff", "\xc0\xaf", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x28\xa1"};
  for (const char* text : kBad) EXPECT_THAT(text_fault(text).value_or(""), HasSubstr("not UTF-8"));
}

TEST(TextFault, RefusesControlCharactersWithTheirPlace) {
  EXPECT_EQ(text_fault("ab\tc").value_or(""), "control character U+0009 at byte 3");
  EXPECT_EQ(text_fault(std::string_view("a\0b", 3)).value_or(""), "control character U+0000 at byte 2");
  EXPECT_EQ(text_fault("\x7f").value_or(""), "control character U+007F at byte 1");
  EXPECT_EQ(text_fault("\u0085").value_or(""), "control character U+0085 at byte 1");
}

TEST(TextFault, RefusesEndlessTexts) {
  EXPECT_EQ(text_fault(std::string(kMaxTextBytes, 'a')), std::nullopt);
  EXPECT_THAT(text_fault(std::string(kMaxTextBytes + 1, 'a')).value_or(""), HasSubstr("16385 bytes long"));
}

TEST(BoxFault, AcceptsOverrunsAndEmptyBoxes) {
  for (const Box& box : {Box{0, 0, 1, 1}, Box{-0.2, 0.3, 0.1, 0.6}, Box{1.0, 0.4, 1.3, 0.7}, Box{0, 0, 0, 0}, Box{0.5, 0.5, 0.5, 0.9}, Box{-2, -2, 2, 2}}) {
    EXPECT_EQ(box_fault(box), std::nullopt);
  }
}

TEST(BoxFault, RefusesInvertedNonFiniteAndPixelBoxes) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(box_fault({0.9, 0, 0.2, 1}).value_or(""), HasSubstr("left 0.9 is beyond right 0.2"));
  EXPECT_THAT(box_fault({0, 0.9, 1, 0.2}).value_or(""), HasSubstr("top 0.9 is beyond bottom 0.2"));
  EXPECT_THAT(box_fault({0, kNaN, 1, 1}).value_or(""), HasSubstr("top is not a finite number"));
  EXPECT_THAT(box_fault({0, 0, kInfinity, 1}).value_or(""), HasSubstr("right is not a finite number"));
  EXPECT_THAT(box_fault({0, 0, 1, 2.001}).value_or(""), HasSubstr("bottom is 2.001, expected a fraction"));
  EXPECT_THAT(box_fault({-2.5, 0, 1, 1}).value_or(""), HasSubstr("left is -2.5"));
}

TEST(Faults, OneIsOneLineAndManyAreAList) {
  Faults faults;
  faults.add("3:7", "bad");
  EXPECT_STREQ(faults.error("f").what(), "f:3:7: bad");
  faults.add("", "worse");
  EXPECT_STREQ(faults.error("f").what(), "f: 2 faults\n  f:3:7: bad\n  f: worse");
  for (int i = 0; i < 60; ++i) faults.add("1", "more");
  EXPECT_THAT(faults.error("f").what(), ::testing::AllOf(HasSubstr("f: 62 faults"), HasSubstr("and 12 more")));
  EXPECT_EQ(faults.error("f").kind(), ErrorKind::plan_refused);
}

}  // namespace
}  // namespace dreamrunner
