#include "media/frame_rate.h"

#include <gmock/gmock.h>

#include <cmath>

#include "media_support.h"

namespace dreamrunner {
namespace {

TEST(FrameRate, ReadsWholeDecimalAndFraction) {
  EXPECT_EQ(parse_frame_rate("8"), (FrameRate{8, 1}));
  EXPECT_EQ(parse_frame_rate("7.99"), (FrameRate{799, 100}));
  EXPECT_EQ(parse_frame_rate("12.50"), (FrameRate{25, 2}));
  EXPECT_EQ(parse_frame_rate("24000/1001"), (FrameRate{24000, 1001}));
  EXPECT_EQ(parse_frame_rate("48/6"), (FrameRate{8, 1}));
  EXPECT_EQ(parse_frame_rate("0.5"), (FrameRate{1, 2}));
}

TEST(FrameRate, DecimalsOfTelevisionRatesMeanTheirFraction) {
  const std::pair<const char*, FrameRate> cases[] = {{"23.976", {24000, 1001}}, {"23.98", {24000, 1001}},  {"23.976024", {24000, 1001}},
                                                     {"29.97", {30000, 1001}},  {"29.970", {30000, 1001}}, {"59.94", {60000, 1001}},
                                                     {"119.88", {120000, 1001}}};
  for (const auto& [text, rate] : cases) EXPECT_EQ(parse_frame_rate(text), rate) << text;
  // Near, but not a rounding of it: taken at its word.
  EXPECT_EQ(parse_frame_rate("23.97"), (FrameRate{2397, 100}));
  EXPECT_EQ(parse_frame_rate("24.0"), (FrameRate{24, 1}));
  EXPECT_EQ(parse_frame_rate("29.98"), (FrameRate{1499, 50}));
}

TEST(FrameRate, NumbersAreReadLikeTheirText) {
  EXPECT_EQ(frame_rate_from(8), (FrameRate{8, 1}));
  EXPECT_EQ(frame_rate_from(23.976), (FrameRate{24000, 1001}));
  EXPECT_EQ(frame_rate_from(24000.0 / 1001), (FrameRate{24000, 1001}));
  EXPECT_EQ(frame_rate_from(7.99), (FrameRate{799, 100}));
}

TEST(FrameRate, RefusesWhatIsNoRate) {
  for (const char* text : {"",   "0",  "-8",    "+8", "8fps", "8,5",  "1e2",    "nan",          "8/0", "0/8",
                           "8/", "/8", "8/3/1", ".5", "8.",   "1001", "1/1001", "1000001/1000", " 8",  "99999999999999999999"}) {
    EXPECT_EQ(test::error_of([&] { parse_frame_rate(text); }).kind(), ErrorKind::usage) << text;
  }
  EXPECT_EQ(test::error_of([] { frame_rate_from(std::nan("")); }).kind(), ErrorKind::usage);
}

TEST(FrameRate, WritesWhatItReads) {
  EXPECT_EQ(to_string(FrameRate{8, 1}), "8");
  EXPECT_EQ(to_string(FrameRate{24000, 1001}), "24000/1001");
}

}  // namespace
}  // namespace dreamrunner
