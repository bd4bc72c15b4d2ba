#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <ostream>
#include <string>

#include "media/isolated_video.h"
#include "media/video_writer.h"
#include "media_support.h"
#include "process_watch.h"
#include "support/temporary_folder.h"

// Videos as people have them, each made by FFmpeg's command line and read in a process of its own: every frame must come, in its
// place and at its time.
namespace dreamrunner {
namespace {

using test::ProcessWatch;
using test::TemporaryFolder;
namespace fs = std::filesystem;

constexpr int kFrames = 24;
constexpr FrameRate kFilm{24, 1}, kTelevision{30000, 1001};

struct Case {
  const char* file;
  const char* encoding;  ///< What FFmpeg is told between input and output. IN: the film once more.
  const char* codec;     ///< As the reader names it.
  FrameRate rate = kFilm;
  double tick_s = 1e-6;  ///< What the container's clock makes of a time, Matroska's milliseconds for one.
};

constexpr double kMilliseconds = 1e-3;

const Case kCases[] = {
    {"h264.mp4", "-c:v libx264 -crf 8", "h264"},
    {"h264-television.mp4", "-c:v libx264 -crf 8", "h264", kTelevision},
    {"h264-moov-first.mp4", "-c:v libx264 -crf 8 -movflags +faststart", "h264"},
    {"h264-fragments.mp4", "-c:v libx264 -crf 8 -g 6 -movflags +frag_keyframe+empty_moov", "h264"},
    {"h264-b-pyramid.mkv", "-c:v libx264 -crf 8 -bf 8 -refs 6 -b_strategy 0", "h264", kFilm, kMilliseconds},
    {"h264-open-groups.mp4", "-c:v libx264 -crf 8 -g 6 -bf 3 -x264-params open-gop=1", "h264"},
    {"h264-slices.mp4", "-c:v libx264 -crf 8 -x264-params slices=4", "h264"},
    {"h264-interlaced.mp4", "-c:v libx264 -crf 8 -flags +ildct+ilme", "h264"},
    {"h264-10-bit.mp4", "-c:v libx264 -crf 8 -pix_fmt yuv420p10le", "h264"},
    {"h264-444.mp4", "-c:v libx264 -crf 8 -pix_fmt yuv444p", "h264"},
    {"h264-baseline.flv", "-c:v libx264 -crf 8 -profile:v baseline", "h264", kFilm, kMilliseconds},
    {"h264-television.ts", "-c:v libx264 -crf 8", "h264", kTelevision, 2e-5},
    {"h264.avi", "-c:v libx264 -crf 8 -bf 0", "h264"},
    {"hevc.mp4", "-c:v libx265 -x265-params log-level=none -crf 8 -tag:v hvc1", "hevc"},
    {"hevc-10-bit.mkv", "-c:v libx265 -x265-params log-level=none -crf 8 -pix_fmt yuv420p10le", "hevc", kFilm, kMilliseconds},
    {"vp8.webm", "-c:v libvpx -b:v 2M -deadline realtime", "vp8", kFilm, kMilliseconds},
    {"vp9.webm", "-c:v libvpx-vp9 -crf 10 -b:v 0 -deadline realtime -cpu-used 8", "vp9", kTelevision, kMilliseconds},
    {"vp9.mp4", "-c:v libvpx-vp9 -crf 10 -b:v 0 -deadline realtime -cpu-used 8", "vp9"},
    {"vp9-10-bit.webm", "-c:v libvpx-vp9 -crf 10 -b:v 0 -deadline realtime -cpu-used 8 -pix_fmt yuv420p10le", "vp9", kFilm, kMilliseconds},
    {"av1.mp4", "-c:v libaom-av1 -crf 10 -cpu-used 8 -usage realtime", "av1"},
    {"av1-svt.mkv", "-c:v libsvtav1 -crf 10 -preset 12", "av1", kTelevision, kMilliseconds},
    {"mpeg4.avi", "-c:v mpeg4 -q:v 2", "mpeg4"},
    {"mpeg4-b.mp4", "-c:v mpeg4 -q:v 2 -bf 2", "mpeg4", kTelevision},
    {"xvid.avi", "-c:v libxvid -q:v 2 -bf 2", "mpeg4", kTelevision},
    {"mpeg2.mpg", "-c:v mpeg2video -q:v 2 -bf 2", "mpeg2video", kFilm, 2e-5},
    {"mpeg1.mpg", "-c:v mpeg1video -q:v 2", "mpeg1video", kTelevision, 2e-5},
    {"mjpeg.avi", "-c:v mjpeg -q:v 2 -pix_fmt yuvj420p", "mjpeg"},
    {"prores.mov", "-c:v prores_ks", "prores", kTelevision},
    {"dnxhr.mov", "-c:v dnxhd -profile:v dnxhr_sq -vf scale=256:128 -pix_fmt yuv422p", "dnxhd"},
    {"ffv1.mkv", "-c:v ffv1", "ffv1", kFilm, kMilliseconds},
    {"huffyuv.avi", "-c:v ffvhuff", "ffvhuff"},
    {"theora.ogv", "-c:v libtheora -q:v 10", "theora"},
    {"wmv.asf", "-c:v wmv2 -q:v 2", "wmv2", kFilm, kMilliseconds},
    {"animated.gif", "-vf 'split[a][b];[a]palettegen[p];[b][p]paletteuse'", "gif", {25, 1}},
    {"frames.y4m", "-pix_fmt yuv420p", "rawvideo"},
    // Streams beside the pictures, and pictures that are not the film.
    {"with-sound.mp4", "-f lavfi -i sine -shortest -c:v libx264 -crf 8 -c:a aac", "h264"},
    {"sound-first.mkv", "-f lavfi -i sine -map 1 -map 0 -shortest -c:v libx264 -crf 8 -c:a aac", "h264", kFilm, kMilliseconds},
    {"two-films.mp4", "-i IN -map 0 -map 1 -c:v:0 libx264 -crf 8 -c:v:1 mpeg4 -filter:v:1 negate", "h264"},
    {"with-cover.mp4", "-i IN -map 0 -map 1 -c:v:0 libx264 -crf 8 -c:v:1 png -frames:v:1 1 -disposition:v:1 attached_pic", "h264"},
    // Clocks.
    {"begins-late.mkv", "-c:v libx264 -crf 8 -output_ts_offset 5", "h264", kFilm, kMilliseconds},
    {"begins-early.ts", "-c:v libx264 -crf 8 -muxdelay 0 -muxpreload 0", "h264", kFilm, 2e-5},
    // Names that FFmpeg's own opening would take for something else.
    {"concat:a.mp4|b.mp4", "-c:v libx264 -crf 8 -f mp4", "h264"},
    {"frame%03d.mp4", "-c:v libx264 -crf 8 -f mp4", "h264"},
    {"-i.mp4", "-c:v libx264 -crf 8 -f mp4", "h264"},
    {"a 'b' \"c\"\n\xC3\xA4.mp4", "-c:v libx264 -crf 8 -f mp4", "h264"},
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.file; }

/// For a test's name.
std::string letters_of(const Case& c) {
  std::string name = c.file;
  std::replace_if(name.begin(), name.end(), [](unsigned char letter) { return std::isalnum(letter) == 0; }, '_');
  return name;
}

class RealVideo : public testing::TestWithParam<Case> {};

TEST_P(RealVideo, HasItsFramesAtTheirTimes) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const Case& c = GetParam();
  const TemporaryFolder folder;
  const std::string made = (folder / "made").string();
  write_video(folder / "film.mp4", test::numbered_film(kFrames, 96, 128).view(), {c.rate, {}});
  std::string encoding = c.encoding;
  if (const size_t at = encoding.find("IN"); at != std::string::npos) encoding.replace(at, 2, (folder / "film.mp4").string());
  const std::string suffix = fs::path(c.file).extension().string();
  const std::string complaint = test::ffmpeg("-i " + (folder / "film.mp4").string() + " " + encoding + " " + made + suffix);
  if (complaint.find("Unknown encoder") != std::string::npos) GTEST_SKIP() << complaint;
  ASSERT_EQ(complaint, "");
  fs::rename(made + suffix, folder / c.file);

  const ProcessWatch watch;
  const Video video = read_isolated_video(folder / c.file);
  EXPECT_EQ(video.info.codec, c.codec);
  ASSERT_EQ(video.info.frames, kFrames);
  for (int i = 0; i < kFrames; ++i) {
    EXPECT_EQ(test::frame_number(video.view(), i), i);
    EXPECT_NEAR(video.times_s[static_cast<size_t>(i)], i / c.rate.per_second(), c.tick_s);
  }
  EXPECT_EQ(probe_isolated_video(folder / c.file).frames, kFrames);
}

INSTANTIATE_TEST_SUITE_P(Files, RealVideo, testing::ValuesIn(kCases), [](const auto& test) { return letters_of(test.param); });

// What the table cannot say.

TEST(RealVideos, VariableRate) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(20, 96, 128).view(), {FrameRate{20, 1}, {}});
  // Every frame after the tenth lasts twice as long.
  for (const char* file : {"variable.mp4", "variable.mkv", "variable.webm"}) {
    SCOPED_TRACE(file);
    const bool webm = fs::path(file).extension() == ".webm";
    ASSERT_EQ(test::ffmpeg("-i " + (folder / "film.mp4").string() + " -vf \"setpts='if(lt(N,10),N,2*N-10)/(20*TB)'\" -vsync vfr -enc_time_base 1:1000 " +
                           (webm ? "-c:v libvpx-vp9 -crf 10 -b:v 0 -deadline realtime -cpu-used 8 " : "-c:v libx264 -crf 8 ") + (folder / file).string()),
              "");
    const ProcessWatch watch;
    const Video video = read_isolated_video(folder / file);
    ASSERT_EQ(video.info.frames, 20);
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(test::frame_number(video.view(), i), i);
      EXPECT_NEAR(video.times_s[static_cast<size_t>(i)], (i < 10 ? i : 2 * i - 10) / 20.0, kMilliseconds);
    }
  }
}

TEST(RealVideos, TurnedByTheirMetadata) {
  const TemporaryFolder folder;
  test::Film film = test::flat_film(3, 96, 128, {100, 100, 100});
  for (int i = 0; i < 3; ++i) {
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) film.set(i, y, x, {220, 20, 20});
    }
  }
  write_video(folder / "plain.mp4", film.view(), {});
  struct Turn {
    int a, b, c, d, rotation, y, x;  ///< Where the red block is shown.
  };
  for (const Turn& turn : {Turn{1, 0, 0, 1, 0, 16, 16}, Turn{0, 1, -1, 0, 90, 16, 80}, Turn{-1, 0, 0, -1, 180, 80, 112}, Turn{0, -1, 1, 0, 270, 112, 16}}) {
    SCOPED_TRACE(turn.rotation);
    std::string bytes = test::file_bytes(folder / "plain.mp4");
    test::set_display_matrix(bytes, turn.a, turn.b, turn.c, turn.d);
    test::write_bytes(folder / "turned.mp4", bytes);
    const ProcessWatch watch;
    const Video video = read_isolated_video(folder / "turned.mp4");
    ASSERT_EQ(video.info.frames, 3);
    EXPECT_EQ(video.info.rotation, turn.rotation);
    EXPECT_EQ(video.info.width, turn.a == 0 ? 96 : 128);
    EXPECT_LT(test::largest_difference(test::pixel(video.view(), 1, turn.y, turn.x), {220, 20, 20}), 30);
  }
}

TEST(RealVideos, CutByCopyBeginsWithAWholeGroup) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(40, 96, 128).view(), {FrameRate{20, 1}, {}});
  ASSERT_EQ(test::ffmpeg("-i " + (folder / "film.mp4").string() + " -c:v libx264 -g 10 -bf 2 -crf 8 " + (folder / "groups.mp4").string()), "");
  // An mp4 keeps the frames before the cut and hides them by its edit list; Matroska begins with the group.
  for (const auto& [file, first] : {std::pair{"cut.mkv", 20}, {"cut.mp4", 24}}) {
    SCOPED_TRACE(file);
    ASSERT_EQ(test::ffmpeg("-ss 1.2 -i " + (folder / "groups.mp4").string() + " -c copy " + (folder / file).string()), "");
    const ProcessWatch watch;
    const Video video = read_isolated_video(folder / file);
    ASSERT_EQ(video.info.frames, 40 - first);
    for (int i = 0; i < video.info.frames; ++i) {
      EXPECT_EQ(test::frame_number(video.view(), i), first + i);
      EXPECT_NEAR(video.times_s[static_cast<size_t>(i)], i / 20.0, kMilliseconds);
    }
  }
}

TEST(RealVideos, OneFrameAndOddSizes) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const TemporaryFolder folder;
  const ProcessWatch watch;
  write_video(folder / "one.mp4", test::numbered_film(1, 96, 128).view(), {});
  EXPECT_EQ(read_isolated_video(folder / "one.mp4").info.frames, 1);
  ASSERT_EQ(test::ffmpeg("-f lavfi -i testsrc=s=65x49:d=0.2:r=10 -c:v ffv1 " + (folder / "odd.mkv").string()), "");
  const Video odd = read_isolated_video(folder / "odd.mkv");
  EXPECT_EQ(odd.info.width, 65);
  EXPECT_EQ(odd.info.height, 49);
  EXPECT_EQ(odd.pixels.size(), size_t{2} * 65 * 49 * 3);
}

TEST(RealVideos, ThroughALink) {
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(5, 96, 128).view(), {});
  fs::create_symlink("film.mp4", folder / "link.mp4");
  const ProcessWatch watch;
  EXPECT_EQ(read_isolated_video(folder / "link.mp4").info.frames, 5);
}

}  // namespace
}  // namespace dreamrunner
