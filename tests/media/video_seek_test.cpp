// A short window of a long video is jumped to, and holds just the frames that reading from the beginning gives.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "media/isolated_video.h"
#include "media/video_reader.h"
#include "media/video_window.h"
#include "media_support.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;

/// Reads everything and keeps what lies in the window: what a jump must not change.
Video by_reading_all(const fs::path& file, double start_s, double end_s) {
  const Video all = read_video(file);
  Video window{all.info, {}, {}};
  const size_t bytes = all.view().frame_bytes();
  for (size_t f = 0; f < all.times_s.size(); ++f) {
    const double slack_s = window_slack_s(all.info.rate);
    if (all.times_s[f] < start_s - slack_s || all.times_s[f] >= end_s - slack_s) continue;
    window.times_s.push_back(all.times_s[f]);
    window.pixels.insert(window.pixels.end(), all.pixels.begin() + static_cast<ptrdiff_t>(f * bytes), all.pixels.begin() + static_cast<ptrdiff_t>((f + 1) * bytes));
  }
  return window;
}

class VideoSeek : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(VideoSeek, AWindowIsTheSameByAJump) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const test::TemporaryFolder folder;
  const fs::path file = folder / GetParam().first;
  const std::string error = test::ffmpeg(fmt::format("-f lavfi -i testsrc=size=64x48:rate=12:duration=30 {} {}", GetParam().second, file.string()));
  if (error.find("nknown encoder") != std::string::npos) GTEST_SKIP() << error;
  ASSERT_EQ(error, "");
  for (const auto& [start_s, end_s] : {std::pair{20.0, 21.0}, {5.2, 6.0}, {0.5, 1.0}, {29.0, 40.0}, {12.04, 12.09}}) {
    VideoReadOptions options;
    options.start_s = start_s;
    options.end_s = end_s;
    const Video jumped = read_video(file, options);
    const Video expected = by_reading_all(file, start_s, end_s);
    EXPECT_EQ(jumped.times_s, expected.times_s) << start_s;
    EXPECT_TRUE(jumped.pixels == expected.pixels) << start_s;
    EXPECT_FALSE(jumped.times_s.empty()) << start_s;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, VideoSeek,
                         ::testing::Values(std::pair{"b_frames.mp4", "-c:v libx264 -g 48 -bf 3 -pix_fmt yuv420p"},
                                           std::pair{"open_groups.mp4", "-c:v libx264 -g 36 -bf 3 -x264-params open-gop=1 -pix_fmt yuv420p"},
                                           std::pair{"one_group.mp4", "-c:v libx264 -g 10000 -sc_threshold 0 -pix_fmt yuv420p"},
                                           std::pair{"late.mp4", "-c:v libx264 -g 24 -pix_fmt yuv420p -output_ts_offset 7"},
                                           std::pair{"h265.mp4", "-c:v libx265 -x265-params log-level=error:keyint=48 -pix_fmt yuv420p"},
                                           std::pair{"vp9.webm", "-c:v libvpx-vp9 -g 48 -deadline realtime -cpu-used 8"},
                                           std::pair{"matroska.mkv", "-c:v libx264 -g 48 -pix_fmt yuv420p"},
                                           std::pair{"mpeg4.avi", "-c:v mpeg4 -g 48"},
                                           std::pair{"b_frames.avi", "-c:v mpeg4 -g 48 -bf 2"},
                                           std::pair{"program.mpg", "-r 25 -c:v mpeg2video -g 15 -bf 2"},
                                           std::pair{"stream.ts", "-c:v libx264 -g 48 -pix_fmt yuv420p"}),
                         [](const auto& test) {
                           std::string name = test.param.first;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

/// Behind a jump, where a frame that lies on the window's begin is the first that is decoded.
TEST(VideoSeek, AWindowWhoseBeginIsRoundedIsJumpedTo) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const test::TemporaryFolder folder;
  const fs::path file = folder / "film.mp4";
  ASSERT_EQ(test::ffmpeg(fmt::format("-f lavfi -i testsrc=size=64x48:rate=30:duration=30 -c:v libx264 -g 10 -bf 0 -pix_fmt yuv420p {}", file.string())), "");
  VideoReadOptions options;
  options.start_s = 20.333334;  // Frame 610, a key frame, rounded up.
  options.end_s = 21.0;
  const Video video = read_video(file, options);
  ASSERT_EQ(video.times_s.size(), 20u);
  EXPECT_NEAR(video.times_s.front(), 610 / 30.0, 1e-6);
}

TEST(VideoSeek, ALongVideosClipCostsLittle) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const test::TemporaryFolder folder;
  const fs::path file = folder / "long.mp4";
  ASSERT_EQ(test::ffmpeg(fmt::format("-f lavfi -i testsrc=size=320x240:rate=24:duration=300 -c:v libx264 -preset ultrafast -g 48 -pix_fmt yuv420p {}", file.string())), "");
  VideoReadOptions options;
  options.start_s = 290;
  options.end_s = 292;
  // Of frames that are decoded this many are allowed, so that the test does not depend on the machine's speed: the first, what lies
  // between the key frame before the window and its end, and what the decoder holds back.
  options.most_frames = 1 + 48 + 24 + 48 + 20;
  EXPECT_EQ(read_video(file, options).times_s.size(), 48u);
  EXPECT_EQ(read_isolated_video(file, options).times_s.size(), 48u);
}

}  // namespace
}  // namespace dreamrunner
