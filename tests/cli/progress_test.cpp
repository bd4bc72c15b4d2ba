#include "cli/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/terminal_text.h"

namespace dreamrunner {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Time that a test moves, and text that it reads.
struct Stage {
  double now_s = 100;
  std::string text;
  Clock clock = [this] { return now_s; };
  TextSink sink = [this](std::string_view piece) { text += piece; };

  std::string take() { return std::exchange(text, {}); }
};

BarStyle style(int columns, bool colour = false, bool unicode = false) {
  return {[columns] { return columns; }, colour, unicode};
}

TEST(Bar, ShowsStepsAndTimeLeft) {
  EXPECT_EQ(format_bar("denoising", 10, 40, 5, style(60)), "denoising  #######........................ 10/40  15 s left");
  EXPECT_EQ(format_bar("denoising", 40, 40, 20, style(60)), "denoising  ################################ 40/40");
  EXPECT_THAT(format_bar("denoising", 0, 40, 3, style(80)), Not(HasSubstr("left"))) << "nothing is known before the first step";
}

TEST(Bar, NeverReachesTheLastColumn) {
  for (int columns = 1; columns < 120; ++columns) {
    for (const bool unicode : {false, true}) {
      const std::string line = format_bar("scene 12: denoising", 7, 50, 61, style(columns, false, unicode));
      EXPECT_LE(text_width(line), std::max(columns - 1, 1)) << columns << " columns: " << line;
    }
  }
}

TEST(Bar, OnANarrowTerminalTheNumbersStay) { EXPECT_THAT(format_bar("scene 12: denoising", 7, 50, 61, style(30)), HasSubstr(" 7/50")); }

TEST(Bar, UnicodeMovesByEighthsOfAColumn) {
  EXPECT_EQ(format_bar("s", 0, 64, 0, style(19, false, true)), "s  ░░░░░░░░░░ 0/64");
  EXPECT_EQ(format_bar("s", 64, 64, 0, style(19, false, true)), "s  █████████ 64/64");
  EXPECT_THAT(format_bar("s", 1, 64, 0, style(40, false, true)), HasSubstr("s  ▎░"));
}

TEST(Bar, ColoursOnlyWhenAsked) {
  EXPECT_THAT(format_bar("s", 1, 2, 1, style(80, true)), HasSubstr("\x1b["));
  EXPECT_THAT(format_bar("s", 1, 2, 1, style(80, false)), Not(HasSubstr("\x1b")));
}

TEST(Bar, IsWrittenOverAndLeavesTheTime) {
  Stage stage;
  const auto progress = make_bar_progress(stage.sink, style(60), stage.clock);
  progress->begin("decoding", 4);
  EXPECT_TRUE(stage.take().starts_with("\r\x1b[Kdecoding"));
  stage.now_s += 0.01;
  progress->advance(1);
  EXPECT_EQ(stage.take(), "") << "a hundredth of a second is too short to draw again";
  stage.now_s += 1;
  progress->advance(2);
  EXPECT_THAT(stage.take(), HasSubstr("2/4"));
  progress->note("a caption\nwas cut");
  const std::string noted = stage.take();
  EXPECT_TRUE(noted.starts_with("\r\x1b[Knote: a caption; was cut\n\r\x1b[Kdecoding")) << noted;
  stage.now_s += 1;
  progress->end();
  EXPECT_EQ(stage.take(), "\r\x1b[Kdecoding  2.0 s\n");
}

TEST(Bar, AnErrorAfterItStartsOnItsOwnLine) {
  Stage stage;
  {
    const auto progress = make_bar_progress(stage.sink, style(60), stage.clock);
    progress->begin("decoding", 4);
    stage.take();
  }
  EXPECT_EQ(stage.text, "\n");
}

TEST(Lines, ComeSparsely) {
  Stage stage;
  const auto progress = make_line_progress(stage.sink, stage.clock);
  progress->begin("scene 1: denoising", 50);
  EXPECT_EQ(stage.take(), "scene 1: denoising\n");
  for (int step = 1; step <= 50; ++step) {
    stage.now_s += 0.5;
    progress->advance(step);
  }
  EXPECT_EQ(stage.take(),
            "scene 1: denoising  10 of 50, 5.0 s so far, 20 s left\n"
            "scene 1: denoising  20 of 50, 10 s so far, 15 s left\n"
            "scene 1: denoising  30 of 50, 15 s so far, 10 s left\n"
            "scene 1: denoising  40 of 50, 20 s so far, 5.0 s left\n"
            "scene 1: denoising  50 of 50, 25 s so far\n");
  progress->end();
  EXPECT_EQ(stage.take(), "scene 1: denoising  done in 25 s\n");
  progress->end();
  progress->advance(3);
  EXPECT_EQ(stage.take(), "") << "nothing has begun";
}

TEST(Lines, WhatAnEarlierRunDidTellsNothingOfTheTimeLeft) {
  Stage stage;
  const auto progress = make_line_progress(stage.sink, stage.clock);
  progress->begin("learning", 1000);
  progress->advance(500);
  stage.take();
  stage.now_s += 6;
  progress->advance(503);
  EXPECT_EQ(stage.take(), "learning  503 of 1000, 6.0 s so far, 16:34 left\n");
}

TEST(Lines, AreMadeSafe) {
  Stage stage;
  const auto progress = make_line_progress(stage.sink, stage.clock);
  progress->begin("scene \x1b[31m", 1);
  EXPECT_EQ(stage.take(), "scene \\x1b[31m\n");
}

TEST(Events, AreJsonALine) {
  Stage stage;
  const auto progress = make_event_progress(stage.sink, stage.clock);
  progress->begin("scene 1", 8);
  EXPECT_EQ(stage.take(), "{\"event\":\"begin\",\"stage\":\"scene 1\",\"total\":8}\n");
  stage.now_s += 2;
  progress->advance(2);
  EXPECT_EQ(stage.take(), "{\"event\":\"advance\",\"stage\":\"scene 1\",\"done\":2,\"total\":8,\"elapsed_s\":2.0,\"left_s\":6.0}\n");
  progress->advance(3);
  EXPECT_EQ(stage.take(), "");
  progress->advance(8);
  EXPECT_THAT(stage.take(), HasSubstr("\"done\":8")) << "the last one always comes";
  progress->note("line\n\"two\"\xff");
  EXPECT_EQ(stage.take(), "{\"event\":\"note\",\"message\":\"line\\n\\\"two\\\"\xef\xbf\xbd\"}\n");
  progress->end();
  EXPECT_EQ(stage.take(), "{\"event\":\"end\",\"stage\":\"scene 1\",\"elapsed_s\":2.0}\n");
}

TEST(Events, StagesNest) {
  Stage stage;
  const auto progress = make_event_progress(stage.sink, stage.clock);
  progress->begin("film", 2);
  progress->begin("scene", 3);
  stage.take();
  progress->end();
  EXPECT_THAT(stage.take(), HasSubstr("\"scene\""));
  progress->end();
  EXPECT_THAT(stage.take(), HasSubstr("\"film\""));
}

}  // namespace
}  // namespace dreamrunner
