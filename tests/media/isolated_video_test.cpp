#include "media/isolated_video.h"

#include <gmock/gmock.h>

#include "media/video_writer.h"
#include "media_support.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

class IsolatedVideoTest : public testing::Test {
 protected:
  void SetUp() override { write_video(film, test::numbered_film(40, 48, 64).view(), {FrameRate{20, 1}, {}}); }
  TemporaryFolder folder;
  std::filesystem::path film = folder / "film.mp4";
};

TEST_F(IsolatedVideoTest, GivesWhatTheReaderInThisProcessGives) {
  VideoReadOptions window;
  window.start_s = 0.5;
  window.end_s = 1.25;
  for (const VideoReadOptions& options : {VideoReadOptions{}, window}) {
    const Video here = read_video(film, options), there = read_isolated_video(film, options);
    EXPECT_EQ(there.pixels, here.pixels);
    EXPECT_EQ(there.times_s, here.times_s);
    EXPECT_EQ(there.info.codec, here.info.codec);
    EXPECT_EQ(there.info.container, here.info.container);
    EXPECT_EQ(there.info.pixel_format, here.info.pixel_format);
    EXPECT_EQ(there.info.rate, here.info.rate);
    EXPECT_EQ(there.info.matrix, here.info.matrix);
    EXPECT_EQ(there.info.width, 64);
    EXPECT_EQ(there.info.height, 48);
    EXPECT_EQ(there.info.metadata, here.info.metadata);
  }
  EXPECT_EQ(probe_isolated_video(film).frames, 40);
}

}  // namespace
}  // namespace dreamrunner
