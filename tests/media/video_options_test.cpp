#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "media/isolated_video.h"
#include "media/video_writer.h"
#include "media_support.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using test::TemporaryFolder;

TEST(VideoOptions, OnlyWantedFramesOfTheWindowComeOut) {
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(40, 48, 64).view(), {FrameRate{20, 1}, {}});
  struct Case {
    int every;
    std::vector<int64_t> only;
    std::vector<int> found;  ///< Numbers in the film; the window begins with its tenth.
  };
  const Case cases[] = {{1, {}, {10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24}},
                        {4, {}, {10, 14, 18, 22}},
                        {100, {}, {10}},
                        {1, {0, 3, 4, 14}, {10, 13, 14, 24}},
                        {1, {2, 15, 1000}, {12}},  // The window has 15 frames.
                        {1, {15}, {}},
                        {3, {2, 3, 5, 6, 12, 13}, {13, 16, 22}}};
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::PrintToString(c.only) + " every " + std::to_string(c.every));
    VideoReadOptions options;
    options.start_s = 0.5;
    options.end_s = 1.25;
    options.every = c.every;
    options.only = c.only;
    const Video video = read_video(folder / "film.mp4", options);
    ASSERT_EQ(video.info.frames, static_cast<int64_t>(c.found.size()));
    for (size_t i = 0; i < c.found.size(); ++i) {
      EXPECT_EQ(test::frame_number(video.view(), static_cast<int>(i)), c.found[i]);
      EXPECT_NEAR(video.times_s[i], c.found[i] / 20.0, 1e-9);
    }
  }
}

TEST(VideoOptions, ReadingEndsWithTheLastWantedFrame) {
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(40, 48, 64).view(), {});
  VideoReadOptions options;
  options.most_frames = 30;  // The decoder looks ahead, but not to the end.
  EXPECT_EQ(test::error_of([&] { read_video(folder / "film.mp4", options); }).kind(), ErrorKind::input_file);
  options.only = {0, 7};
  EXPECT_EQ(read_video(folder / "film.mp4", options).info.frames, 2);
}

TEST(VideoOptions, FrameNumbersThatMeanNothingAreRefused) {
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(3, 48, 64).view(), {});
  for (const auto& [every, only] : std::vector<std::pair<int, std::vector<int64_t>>>{{0, {}}, {-1, {}}, {1, {-1, 2}}, {1, {2, 1}}, {1, {1, 1}}}) {
    VideoReadOptions options;
    options.every = every;
    options.only = only;
    EXPECT_EQ(test::error_of([&] { read_video(folder / "film.mp4", options); }).kind(), ErrorKind::usage) << every << testing::PrintToString(only);
    EXPECT_EQ(test::error_of([&] { read_isolated_video(folder / "film.mp4", options); }).kind(), ErrorKind::usage);
  }
}

}  // namespace
}  // namespace dreamrunner
