#include "media/video_join.h"

#include <gmock/gmock.h>

#include "media/video_reader.h"
#include "media_support.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

std::vector<std::filesystem::path> write_parts(const TemporaryFolder& folder, const std::vector<int>& lengths, const char* rate) {
  std::vector<std::filesystem::path> parts;
  int first = 0;
  for (const int length : lengths) {
    parts.push_back(folder / ("part" + std::to_string(parts.size()) + ".mp4"));
    write_video(parts.back(), test::numbered_film(length, 96, 144, first).view(), {parse_frame_rate(rate), {}});
    first += length;
  }
  return parts;
}

TEST(VideoJoin, HoldsEveryFrameOnceAndLosesNoTime) {
  const TemporaryFolder folder;
  for (const char* rate : {"8", "7.99", "24000/1001", "30"}) {
    SCOPED_TRACE(rate);
    const auto parts = write_parts(folder, {16, 1, 2, 9, 16}, rate);
    const JoinedVideo joined = join_videos(parts, folder / "film.mp4", {{}, {{"title", "A film"}, {"seed", "7"}}});
    EXPECT_EQ(joined.frames, 44);
    EXPECT_FALSE(joined.encoded_again);
    const Video film = read_video(folder / "film.mp4");
    EXPECT_EQ(film.info.rate, parse_frame_rate(rate));
    EXPECT_EQ(film.info.metadata.at("title"), "A film");
    EXPECT_EQ(film.info.metadata.at("comment"), "seed: 7");
    EXPECT_EQ(film.info.matrix, "bt709");
    EXPECT_EQ(film.info.range, "tv");
    ASSERT_EQ(film.info.frames, 44);
    for (int i = 0; i < 44; ++i) {
      EXPECT_EQ(test::frame_number(film.view(), i), i);
      EXPECT_NEAR(film.times_s[static_cast<size_t>(i)], i / film.info.rate.per_second(), 1e-9);
    }
    if (!test::has_ffmpeg()) continue;
    int status = 0;
    const std::string shown = test::shell(
        "ffprobe -v error -count_frames -show_entries stream=nb_read_frames,nb_frames,start_pts,duration " + (folder / "film.mp4").string(),
        status);
    EXPECT_THAT(shown, HasSubstr("nb_read_frames=44"));
    EXPECT_THAT(shown, HasSubstr("nb_frames=44"));
    EXPECT_THAT(shown, HasSubstr("start_pts=0"));
    EXPECT_NEAR(std::stod(shown.substr(shown.find("duration=") + 9)), 44 / film.info.rate.per_second(), 2e-6);
  }
}

TEST(VideoJoin, CopiedPicturesAreThoseOfTheParts) {
  const TemporaryFolder folder;
  const auto parts = write_parts(folder, {7, 12}, "8");
  join_videos(parts, folder / "film.mp4", {});
  std::vector<uint8_t> expected = read_video(parts[0]).pixels;
  const std::vector<uint8_t> second = read_video(parts[1]).pixels;
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_TRUE(read_video(folder / "film.mp4").pixels == expected);
}

TEST(VideoJoin, SamePartsGiveTheSameBytes) {
  const TemporaryFolder folder;
  const auto parts = write_parts(folder, {7, 12}, "8");
  join_videos(parts, folder / "one.mp4", {});
  join_videos(parts, folder / "two.mp4", {});
  EXPECT_TRUE(test::file_bytes(folder / "one.mp4") == test::file_bytes(folder / "two.mp4"));
}

TEST(VideoJoin, PartsThatWereEncodedDifferentlyAreEncodedAgain) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const TemporaryFolder folder;
  auto parts = write_parts(folder, {6, 5}, "8");
  parts.push_back(folder / "other.mp4");
  ASSERT_EQ(test::ffmpeg("-i " + parts[1].string() + " -c:v libx264 -profile:v baseline -crf 10 " + parts.back().string()), "");
  const JoinedVideo joined = join_videos(parts, folder / "film.mp4", {{}, {{"title", "A film"}}});
  EXPECT_TRUE(joined.encoded_again);
  EXPECT_EQ(joined.frames, 16);
  const Video film = read_video(folder / "film.mp4");
  ASSERT_EQ(film.info.frames, 16);
  EXPECT_EQ(film.info.rate, (FrameRate{8, 1}));
  EXPECT_EQ(film.info.metadata.at("title"), "A film");
  for (int i = 0; i < 16; ++i) EXPECT_EQ(test::frame_number(film.view(), i), i < 11 ? i : i - 5);
}

TEST(VideoJoin, RefusesPartsThatDoNotFitAndLeavesNothing) {
  const TemporaryFolder folder;
  write_video(folder / "a.mp4", test::numbered_film(3, 96, 144).view(), {});
  write_video(folder / "larger.mp4", test::numbered_film(3, 96, 160).view(), {});
  write_video(folder / "faster.mp4", test::numbered_film(3, 96, 144).view(), {FrameRate{24, 1}, {}});
  const auto join = [&](const char* second) {
    return error_of([&] { join_videos({folder / "a.mp4", folder / second}, folder / "film.mp4", {}); });
  };
  EXPECT_EQ(join("larger.mp4").kind(), ErrorKind::input_file);
  EXPECT_THAT(join("larger.mp4").what(), HasSubstr("larger.mp4: pictures of 160 x 96, 144 x 96"));
  EXPECT_THAT(join("faster.mp4").what(), HasSubstr("faster.mp4: frame rate 24, 8"));
  EXPECT_EQ(join("missing.mp4").kind(), ErrorKind::input_file);
  EXPECT_EQ(error_of([&] { join_videos({}, folder / "film.mp4", {}); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([&] { join_videos({folder / "a.mp4"}, folder / "no/film.mp4", {}); }).kind(), ErrorKind::storage);

  std::string cut = test::file_bytes(folder / "a.mp4");
  cut.resize(cut.size() - 20);
  test::write_bytes(folder / "cut.mp4", cut);
  EXPECT_EQ(join("cut.mp4").kind(), ErrorKind::input_file);

  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(error_of([&] {
              join_videos({folder / "a.mp4"}, folder / "film.mp4", {}, {stop.get_token(), nullptr});
            }).kind(),
            ErrorKind::interrupted);
  EXPECT_EQ(test::files_in(folder.path()), 4);
}

}  // namespace
}  // namespace dreamrunner
