#include "catalogue/clip_times.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalogue/caption_row.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

using testing::HasSubstr;

std::string refusal(const Json& values) {
  return test::expect_error(ErrorKind::input_file, [&] { row_of_values(values); });
}

/// Field case R7.
TEST(ClipTimes, AreReadHoweverTheyAreWritten) {
  EXPECT_EQ(parse_clip_time("00:00:03.160"), 3'160'000);
  EXPECT_EQ(parse_clip_time("3.16"), 3'160'000);
  EXPECT_EQ(clip_time_of(3.16), 3'160'000);
  EXPECT_EQ(parse_clip_time("01:02:03.5"), 3'723'500'000);
  EXPECT_EQ(parse_clip_time("02:03.5"), 123'500'000);
  EXPECT_EQ(parse_clip_time(" 7 "), 7'000'000);
  EXPECT_EQ(parse_clip_time("100:00:00"), Microseconds{360'000} * 1'000'000);
  for (const char* bad : {"", ":", "1:", ":1", "a", "-1", "+1", "1e3", "1:60", "1:60:00", "1:2:3:4", "1.2.3", ".", "0x10", "inf", "nan", "99999999999", "1:2.5:3"}) {
    EXPECT_EQ(parse_clip_time(bad), std::nullopt) << bad;
  }
  for (const double bad : {-0.5, static_cast<double>(INFINITY), std::nan(""), 1e30}) EXPECT_EQ(clip_time_of(bad), std::nullopt) << bad;
}

TEST(ClipTimes, DurationsMayBeIso8601) {
  EXPECT_EQ(parse_duration("PT00H01M18S"), 78'000'000);
  EXPECT_EQ(parse_duration("PT2.5S"), 2'500'000);
  EXPECT_EQ(parse_duration("12.5"), 12'500'000);
  for (const char* bad : {"PT", "PT5", "PT5S3M", "P1D", "PT-5S", "PTS"}) EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
}

TEST(ClipTimes, AreWrittenWithTheDigitsTheyNeed) {
  EXPECT_EQ(format_clip_time(3'160'000), "3.16");
  EXPECT_EQ(format_clip_time(7'000'000), "7");
  EXPECT_EQ(format_clip_time(1), "0.000001");
}

/// Field case R7: a list that counted frames at 25 a second, and a file that has 30.
TEST(ClipTimes, FramesAreCountedAtTheirOwnRate) {
  const CaptionRow row = row_of_values({{"path", "v.mp4"}, {"caption", "c"}, {"start_frame", 5710}, {"end_frame", 5760}, {"fps", 25}});
  EXPECT_EQ(row.span, (ClipSpan{228'400'000, 230'400'000}));
  EXPECT_EQ(frame_at(seconds_of(row.span.start), 30), 6852);
  EXPECT_EQ(frame_at(seconds_of(row.span.start), 25), 5710);
  EXPECT_THAT(refusal({{"path", "v.mp4"}, {"caption", "c"}, {"start_frame", 5710}}), HasSubstr("fps: missing"));
}

TEST(ClipTimes, AnEndALittlePastTheVideosIsTheVideosEnd) {
  EXPECT_EQ(fit_to_video({1'000'000, 10'020'000}, 10'000'000), (ClipSpan{1'000'000, 10'000'000}));
  EXPECT_EQ(fit_to_video({1'000'000, 9'000'000}, 10'000'000), (ClipSpan{1'000'000, 9'000'000}));
  EXPECT_EQ(fit_to_video({0, std::nullopt}, 10'000'000), (ClipSpan{0, std::nullopt}));
  EXPECT_THAT(test::expect_error(ErrorKind::input_file, [] { fit_to_video({0, 70'000'000}, 10'000'000); }), HasSubstr("the clip ends at 70 s, the video at 10 s"));
  EXPECT_THAT(test::expect_error(ErrorKind::input_file, [] { fit_to_video({11'000'000, std::nullopt}, 10'000'000); }), HasSubstr("starts at 11 s"));
  EXPECT_THAT(refusal({{"path", "v"}, {"caption", "c"}, {"start", 0}, {"end", 70}, {"duration", 10}}), HasSubstr("the video at 10 s"));
}

TEST(CaptionRow, ASpanThatEndsBeforeItStartsIsRefused) {
  EXPECT_THAT(refusal({{"path", "v"}, {"caption", "c"}, {"start", "00:00:05"}, {"end", 4.5}}), HasSubstr("the clip ends at 4.5 s and starts at 5 s"));
  EXPECT_THAT(refusal({{"path", "v"}, {"caption", "c"}, {"start", 5}, {"end", 5}}), HasSubstr("end: "));
  EXPECT_THAT(refusal({{"path", "v"}, {"caption", "c"}, {"start", -1}}), HasSubstr("start: found -1"));
  EXPECT_THAT(refusal({{"path", "v"}, {"caption", "c"}, {"start", "soon"}}), HasSubstr("found \"soon\""));
}

TEST(CaptionRow, InternVidsNamesAreRead) {
  const CaptionRow row = row_of_values({{"YoutubeID", "-a_Bc"}, {"Start_timestamp", "00:00:03.160"}, {"End_timestamp", "00:00:08.520"},
                                        {"Caption", "a man bows"}, {"Aesthetic_Score", 4.5}, {"UMT_Score", 0.41}});
  EXPECT_EQ(row.source, "-a_Bc");
  EXPECT_EQ(row.path, "");
  EXPECT_EQ(row.id, "-a_Bc@3.16-8.52");
  EXPECT_EQ(row.span, (ClipSpan{3'160'000, 8'520'000}));
  EXPECT_EQ(row.extra, R"({"Aesthetic_Score":4.5,"UMT_Score":0.41})");
}

TEST(CaptionRow, WebVidsNamesAreRead) {
  const CaptionRow row = row_of_values({{"videoid", "1066674784"}, {"contentUrl", "u"}, {"duration", "PT00H00M18S"}, {"page_dir", "001451_001500"}, {"name", "Bow"}});
  EXPECT_EQ(row.path, "001451_001500/1066674784.mp4");
  EXPECT_EQ(row.source, "1066674784");
  EXPECT_EQ(row.id, "1066674784");
  EXPECT_EQ(row.caption, "Bow");
  EXPECT_EQ(row.span, ClipSpan{});
}

TEST(CaptionRow, ValuesOfTheWrongKindAreNamed) {
  EXPECT_THAT(refusal(Json::array()), HasSubstr("an object expected"));
  EXPECT_THAT(refusal({{"path", "v"}}), HasSubstr("caption: missing"));
  EXPECT_THAT(refusal({{"caption", "c"}}), HasSubstr("neither a path nor an id"));
  EXPECT_THAT(refusal({{"path", "v"}, {"caption", 5}}), HasSubstr("caption: found 5"));
  EXPECT_THAT(refusal({{"path", "v"}, {"caption", "a"}, {"text", "b"}}), HasSubstr("a second caption"));
  EXPECT_THAT(refusal({{"YoutubeID", "../../x"}, {"caption", "c"}}), HasSubstr("no path expected"));
  EXPECT_THAT(refusal({{"path", std::string("a\0b", 3)}, {"caption", "c"}}), HasSubstr("control characters"));
  EXPECT_THAT(refusal({{"path", std::string(5000, 'x')}, {"caption", "c"}}), HasSubstr("at most 4000"));
  EXPECT_THAT(refusal({{"path", "v"}, {"caption", "c"}, {"width", "wide"}}), HasSubstr("width: found \"wide\""));
  EXPECT_THAT(refusal({{"path", "v"}, {"caption", "c"}, {"fps", 0}}), HasSubstr("fps: found 0"));
  EXPECT_THAT(refusal({{"path", "v"}, {"caption", "c"}, {"id", Json::object()}}), HasSubstr("id: found {}"));
}

TEST(CaptionRow, TheContentKeyIsOfVideoSpanAndCaption) {
  const CaptionRow row = row_of_values({{"path", "v"}, {"caption", "c"}, {"start", 1}, {"end", 2}});
  CaptionRow other = row;
  other.id = "x";
  other.extra = "{}";
  EXPECT_EQ(content_key(row), content_key(other));
  other.span.end = 2'000'001;
  EXPECT_NE(content_key(row), content_key(other));
  other = row;
  other.caption += " ";
  EXPECT_NE(content_key(row), content_key(other));
  other = row;
  other.source = "w";
  EXPECT_NE(content_key(row), content_key(other));
}

}  // namespace
}  // namespace dreamrunner
