#include "cli/terminal_text.h"

#include <cmath>

#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

TEST(TerminalText, ControlCharactersAndBrokenUtf8AreSpelledOut) {
  EXPECT_EQ(printable("plain Grüße 猫"), "plain Grüße 猫");
  EXPECT_EQ(printable("\x1b[2Jgone\r"), "\\x1b[2Jgone\\x0d");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m")
      << "a C1 control starts sequences too";
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "longer than needed";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "abc"),
            "\\xe2\\x80\\xaeabc")
      << "right-to-left override";
}

TEST(TerminalText, LinesAreJoined) {
  EXPECT_EQ(one_line("plan.json: 2 faults:\n  - a box\r\n\n  - a text\n"), "plan.json: 2 faults: - a box; - a text");
  EXPECT_EQ(one_line("one"), "one");
  EXPECT_EQ(one_line("\n\n"), "");
}

TEST(TerminalText, WidthCountsCharactersAndCutsAtThem) {
  EXPECT_EQ(text_width("猫 cat"), 5);
  EXPECT_EQ(fit_width("猫 cat", 5), "猫 cat");
  EXPECT_EQ(fit_width("猫 cat", 4), "猫 c…");
  EXPECT_EQ(fit_width("猫猫猫", 2), "猫…");
  EXPECT_EQ(fit_width("abc", 1), "…");
  EXPECT_EQ(fit_width("abc", 0), "");
}

TEST(TerminalText, DurationsGrowCoarser) {
  EXPECT_EQ(format_duration(0), "0 s");
  EXPECT_EQ(format_duration(-3), "0 s");
  EXPECT_EQ(format_duration(std::nan("")), "0 s");
  EXPECT_EQ(format_duration(0.04), "0.0 s");
  EXPECT_EQ(format_duration(3.14), "3.1 s");
  EXPECT_EQ(format_duration(9.96), "10 s");
  EXPECT_EQ(format_duration(59.4), "59 s");
  EXPECT_EQ(format_duration(59.6), "1:00");
  EXPECT_EQ(format_duration(125), "2:05");
  EXPECT_EQ(format_duration(3725), "1:02:05");
}

TEST(TerminalText, BytesAndCounts) {
  EXPECT_EQ(format_bytes(0), "0 bytes");
  EXPECT_EQ(format_bytes(999), "999 bytes");
  EXPECT_EQ(format_bytes(11'114'320), "11.1 MB");
  EXPECT_EQ(format_bytes(999'960), "1.0 MB");
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(5'548'864), "5,548,864");
  EXPECT_EQ(format_count(-1234), "-1,234");
  EXPECT_EQ(format_count(-123), "-123");
}

}  // namespace
}  // namespace dreamrunner
