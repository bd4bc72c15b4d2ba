#include "media/video_reader.h"

#include <gmock/gmock.h>

#include "media/isolated_video.h"
#include "media/png.h"
#include "media/video_window.h"
#include "media/video_writer.h"
#include "media_support.h"
#include "support/temporary_folder.h"

// Clips as other programs write them, made by FFmpeg's command line. V numbers: cases from the field.
namespace dreamrunner {
namespace {

using test::Film;
using test::Rgb;
using test::TemporaryFolder;

/// 64 x 48, grey, with a red block in the top left corner.
Film block_film() {
  Film film = test::flat_film(4, 48, 64, {100, 100, 100});
  for (int i = 0; i < 4; ++i) {
    for (int y = 0; y < 16; ++y) {
      for (int x = 0; x < 16; ++x) film.set(i, y, x, {220, 20, 20});
    }
  }
  return film;
}

bool is_red(const Video& video, int y, int x) { return test::largest_difference(test::pixel(video.view(), 0, y, x), {220, 20, 20}) < 30; }

// V1. A turn of 180 hides errors of sign, and flips those of angle: all eight are tried.
TEST(VideoReader, TurnsAndMirrorsPicturesAsAPlayerDoes) {
  const TemporaryFolder folder;
  write_video(folder / "plain.mp4", block_film().view(), {});
  struct Case {
    int a, b, c, d;
    bool bottom, right;  ///< Where the block is shown.
    int rotation;        ///< Clockwise.
    bool mirrored;
  };
  const Case cases[] = {{1, 0, 0, 1, false, false, 0, false},   {0, 1, -1, 0, false, true, 90, false},
                        {-1, 0, 0, -1, true, true, 180, false}, {0, -1, 1, 0, true, false, 270, false},
                        {-1, 0, 0, 1, false, true, 0, true},    {0, 1, 1, 0, false, false, 270, true},
                        {1, 0, 0, -1, true, false, 180, true},  {0, -1, -1, 0, true, true, 90, true}};
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::Message() << "rotation " << c.rotation << ", mirrored " << c.mirrored);
    std::string bytes = test::file_bytes(folder / "plain.mp4");
    test::set_display_matrix(bytes, c.a, c.b, c.c, c.d);
    test::write_bytes(folder / "turned.mp4", bytes);
    const Video video = read_video(folder / "turned.mp4");
    const int width = c.a == 0 ? 48 : 64, height = c.a == 0 ? 64 : 48;
    ASSERT_EQ(video.info.width, width);
    ASSERT_EQ(video.info.height, height);
    EXPECT_EQ(probe_video(folder / "turned.mp4").width, width);
    EXPECT_EQ(video.info.rotation, c.rotation);
    EXPECT_EQ(video.info.mirrored, c.mirrored);
    for (const bool bottom : {false, true}) {
      for (const bool right : {false, true}) {
        EXPECT_EQ(is_red(video, bottom ? height - 8 : 8, right ? width - 8 : 8), bottom == c.bottom && right == c.right) << bottom << right;
      }
    }
    // FFmpeg's command line turns as players do, mirrored clips aside: its upright picture is the oracle.
    if (c.mirrored || !test::has_ffmpeg()) continue;
    ASSERT_EQ(test::ffmpeg("-i " + (folder / "turned.mp4").string() + " -frames:v 1 " + (folder / "upright.png").string()), "");
    const Picture upright = read_png(folder / "upright.png");
    ASSERT_EQ(upright.width, width);
    for (const auto& [y, x] : {std::pair{8, 8}, {8, width - 8}, {height - 8, 8}, {height - 8, width - 8}}) {
      EXPECT_EQ(test::largest_difference(test::pixel(view_of(upright), 0, y, x), {220, 20, 20}) < 40, is_red(video, y, x));
    }
  }
}

// V3.
TEST(VideoReader, TimesCountFromTheFirstFrame) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(40, 48, 64).view(), {FrameRate{20, 1}, {}});
  const std::string film = (folder / "film.mp4").string();
  // A transport stream starts its clock at 1.4 s; a cut by copy starts in the middle; a shifted Matroska starts at 5 s.
  ASSERT_EQ(test::ffmpeg("-i " + film + " -c copy " + (folder / "late.ts").string()), "");
  ASSERT_EQ(test::ffmpeg("-i " + film + " -c:v libx264 -g 10 -bf 2 -crf 8 " + (folder / "groups.mp4").string()), "");
  ASSERT_EQ(test::ffmpeg("-ss 1.0 -i " + (folder / "groups.mp4").string() + " -c copy -copyts " + (folder / "cut.mkv").string()), "");
  ASSERT_EQ(test::ffmpeg("-itsoffset 5 -i " + film + " -c copy " + (folder / "shifted.mkv").string()), "");
  for (const auto& [name, first] : {std::pair{"late.ts", 0}, {"cut.mkv", 20}, {"shifted.mkv", 0}}) {
    SCOPED_TRACE(name);
    const Video video = read_video(folder / name);
    ASSERT_EQ(video.info.frames, 40 - first);
    for (int i = 0; i < video.info.frames; ++i) {
      EXPECT_EQ(test::frame_number(video.view(), i), first + i);
      EXPECT_NEAR(video.times_s[static_cast<size_t>(i)], i / 20.0, 2e-3);  // Matroska counts milliseconds.
    }
  }
}

TEST(VideoReader, WithoutTimeStampsTheFrameNumberCounts) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(30, 48, 64).view(), {FrameRate{20, 1}, {}});
  const std::string film = (folder / "film.mp4").string();
  ASSERT_EQ(test::ffmpeg("-i " + film + " -c:v rawvideo -pix_fmt yuv420p " + (folder / "raw.avi").string()), "");
  ASSERT_EQ(test::ffmpeg("-i " + film + " -c:v mpeg4 -bf 2 -q:v 1 " + (folder / "b.avi").string()), "");
  for (const char* name : {"raw.avi", "b.avi"}) {
    SCOPED_TRACE(name);
    const Video video = read_video(folder / name);
    EXPECT_EQ(video.info.rate, (FrameRate{20, 1}));
    ASSERT_EQ(video.info.frames, 30);
    for (int i = 0; i < 30; ++i) {
      EXPECT_EQ(test::frame_number(video.view(), i), i);
      EXPECT_NEAR(video.times_s[static_cast<size_t>(i)], i / 20.0, 1e-9);
    }
  }
}

TEST(VideoReader, AWindowHoldsEachOfItsFramesOnce) {
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(40, 48, 64).view(), {FrameRate{20, 1}, {}});  // x264 makes B frames of these.
  VideoReadOptions window;
  window.start_s = 0.5;
  window.end_s = 1.25;
  const Video video = read_video(folder / "film.mp4", window);
  ASSERT_EQ(video.info.frames, 15);
  for (int i = 0; i < 15; ++i) {
    EXPECT_EQ(test::frame_number(video.view(), i), 10 + i);
    EXPECT_NEAR(video.times_s[static_cast<size_t>(i)], 0.5 + i / 20.0, 1e-9);
  }
}

TEST(VideoReader, AWindowInFramesHoldsThemHoweverItsEndsAreRounded) {
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(50, 48, 64).view(), {FrameRate{30, 1}, {}});
  // Frames 2 to 32 in microseconds, and in milliseconds rounded either way: none more, none less.
  for (const auto& [start_s, end_s] : {std::pair{0.066667, 1.066667}, {0.066666, 1.066666}, {0.067, 1.067}, {0.066, 1.066}}) {
    SCOPED_TRACE(start_s);
    VideoReadOptions window;
    window.start_s = start_s;
    window.end_s = end_s;
    for (const Video& video : {read_video(folder / "film.mp4", window), read_isolated_video(folder / "film.mp4", window)}) {
      ASSERT_EQ(video.info.frames, 30);
      EXPECT_EQ(test::frame_number(video.view(), 0), 2);
      EXPECT_EQ(test::frame_number(video.view(), 29), 31);
    }
  }
}

TEST(VideoReader, TheSlackOfAWindowIsLessThanHalfAFrameAtAnyRate) {
  EXPECT_EQ(window_slack_s({30, 1}), 1e-3);
  EXPECT_EQ(window_slack_s({1000, 1}), 0.25e-3);
  EXPECT_EQ(window_slack_s({0, 1}), 1e-3);
}

TEST(VideoReader, AVaryingRateIsToldAsTheAverage) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(48, 48, 64).view(), {FrameRate{15, 1}, {}});
  // As telephones write: a few frames at 1/60 s, the rest at 15 a second. The last begins at 43/15 + 4/60 s.
  for (const char* name : {"varies.mp4", "varies.mkv"}) {
    SCOPED_TRACE(name);
    ASSERT_EQ(test::ffmpeg("-i " + (folder / "film.mp4").string() + " -vf \"setpts='if(lt(N,4),N/60,4/60+(N-4)/15)/TB'\" -vsync vfr -enc_time_base 1:60 -c:v libx264 -crf 8 " +
                           (folder / name).string()),
              "");
    for (const VideoInfo& info : {probe_video(folder / name), probe_isolated_video(folder / name)}) {
      EXPECT_EQ(info.frames, 48);
      // The last is shown for 1/60 s, as mp4 has it, or for 1/15 s.
      EXPECT_NEAR(static_cast<double>(info.frames) / info.rate.per_second(), 2.975, 0.03);
    }
  }
}

TEST(VideoReader, ARateThatDoesNotVaryIsToldAsItIsWritten) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const TemporaryFolder folder;
  for (const FrameRate& rate : {FrameRate{30, 1}, FrameRate{30000, 1001}, FrameRate{24000, 1001}, FrameRate{25, 1}}) {
    write_video(folder / "film.mp4", test::numbered_film(40, 48, 64).view(), {rate, {}});
    for (const char* name : {"copy.mkv", "copy.mov", "copy.avi", "copy.flv"}) {
      const std::filesystem::path copy = folder / name;
      ASSERT_EQ(test::ffmpeg("-i " + (folder / "film.mp4").string() + " -c copy " + copy.string()), "");
      EXPECT_NEAR(probe_video(copy).rate.per_second(), rate.per_second(), 0.01) << name;
    }
    EXPECT_EQ(probe_video(folder / "film.mp4").rate, rate);
    EXPECT_EQ(probe_video(folder / "copy.mov").rate, rate);
  }
}

TEST(VideoReader, VariableRateKeepsItsTimes) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(20, 48, 64).view(), {FrameRate{20, 1}, {}});
  // Every frame after the tenth lasts twice as long.
  ASSERT_EQ(test::ffmpeg("-i " + (folder / "film.mp4").string() +
                         " -vf \"setpts='if(lt(N,10),N,2*N-10)/(20*TB)'\" -vsync vfr -enc_time_base 1:1000 -c:v libx264 -crf 8 " +
                         (folder / "variable.mp4").string()),
            "");
  const Video video = read_video(folder / "variable.mp4");
  ASSERT_EQ(video.info.frames, 20);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(test::frame_number(video.view(), i), i);
    EXPECT_NEAR(video.times_s[static_cast<size_t>(i)], (i < 10 ? i : 2 * i - 10) / 20.0, 1e-3);
  }
}

/// Six flat colours side by side, 32 pixels each.
constexpr Rgb kBars[] = {{255, 0, 0}, {16, 16, 16}, {128, 128, 128}, {235, 235, 235}, {255, 255, 255}, {20, 60, 200}};

Film bars_film() {
  Film film(2, 48, 192);
  for (int i = 0; i < 2; ++i) {
    for (int y = 0; y < 48; ++y) {
      for (int x = 0; x < 192; ++x) film.set(i, y, x, kBars[x / 32]);
    }
  }
  return film;
}

// V5. FFV1 is lossless, so that the two levels are the 8-bit grid's alone.
TEST(VideoReader, ColoursFollowRangeAndMatrixTags) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const TemporaryFolder folder;
  Picture bars = copy_frame(bars_film().view(), 0);
  write_png(folder / "bars.png", bars);
  const std::string input = "-loop 1 -i " + (folder / "bars.png").string() + " -frames:v 3 ";
  struct Case {
    const char* name;
    std::string arguments;
  };
  const std::string exact = ":flags=accurate_rnd+full_chroma_int";
  const Case cases[] = {
      {"tv601.mkv",
       "-vf scale=out_color_matrix=bt601:out_range=tv" + exact + ",format=yuv420p -colorspace smpte170m -color_range tv -c:v ffv1 "},
      {"tv709.mkv",
       "-vf scale=out_color_matrix=bt709:out_range=tv" + exact + ",format=yuv420p -colorspace bt709 -color_range tv -c:v ffv1 "},
      {"pc709.mkv",
       "-vf scale=out_color_matrix=bt709:out_range=pc" + exact + ",format=yuv420p -colorspace bt709 -color_range pc -c:v ffv1 "},
      {"untagged.avi", "-vf scale=out_color_matrix=bt601:out_range=tv" + exact + ",format=yuv420p -c:v rawvideo "},
      {"yuvj.avi", "-vf scale=out_color_matrix=bt601:out_range=pc" + exact + ",format=yuvj420p -c:v mjpeg -q:v 1 -qmin 1 "},
      {"444.mkv", "-vf scale=out_color_matrix=bt709:out_range=tv" + exact + ",format=yuv444p -colorspace bt709 -color_range tv -c:v ffv1 "},
      {"444-h264.mp4",
       "-vf scale=out_color_matrix=bt709:out_range=pc" + exact + ",format=yuv444p -colorspace bt709 -color_range pc -c:v libx264 -qp 0 "},
      {"rgb.mkv", "-pix_fmt bgr0 -c:v ffv1 "},
      {"2020.mkv",
       "-vf scale=out_color_matrix=bt2020:out_range=tv" + exact + ",format=yuv422p -colorspace bt2020nc -color_range tv -c:v ffv1 "},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    ASSERT_EQ(test::ffmpeg(input + c.arguments + (folder / c.name).string()), "");
    const Video video = read_video(folder / c.name);
    ASSERT_EQ(video.info.frames, 3);
    for (int bar = 0; bar < 6; ++bar) {
      EXPECT_LE(test::largest_difference(test::pixel(video.view(), 1, 24, bar * 32 + 16), kBars[bar]), 2)
          << "bar " << bar << ": " << testing::PrintToString(test::pixel(video.view(), 1, 24, bar * 32 + 16));
    }
  }
}

TEST(VideoReader, GreyClipsFollowTheirRange) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const TemporaryFolder folder;
  write_png(folder / "bars.png", copy_frame(bars_film().view(), 0));
  const std::string input = "-loop 1 -i " + (folder / "bars.png").string() + " -frames:v 2 ";
  ASSERT_EQ(test::ffmpeg(input + "-vf format=gray -c:v ffv1 " + (folder / "full.mkv").string()), "");
  ASSERT_EQ(test::ffmpeg(input + "-vf scale=out_range=tv,format=yuv420p,extractplanes=y -color_range tv -c:v ffv1 " +
                         (folder / "limited.mkv").string()),
            "");
  for (const char* name : {"full.mkv", "limited.mkv"}) {
    SCOPED_TRACE(name);
    const Video video = read_video(folder / name);
    EXPECT_EQ(video.info.pixel_format, "gray");
    for (const int bar : {1, 2, 3, 4})
      EXPECT_LE(test::largest_difference(test::pixel(video.view(), 0, 24, bar * 32 + 16), kBars[bar]), 2) << bar;
  }
}

// Chroma half a pixel off the place where it belongs costs 3 to 4 levels here, chroma lines that are not interpolated 5.
TEST(VideoReader, ChromaIsWrittenToAndTakenFromItsSite) {
  const TemporaryFolder folder;
  for (const bool vertical : {false, true}) {
    Film film(2, 128, 128);
    for (int i = 0; i < 2; ++i) {
      for (int y = 0; y < 128; ++y) {
        for (int x = 0; x < 128; ++x) {
          const double wave = 0.5 + 0.5 * std::sin((vertical ? y : x) * 0.3);
          film.set(i, y, x, {static_cast<uint8_t>(60 + 120 * wave), 90, static_cast<uint8_t>(180 - 120 * wave)});
        }
      }
    }
    write_video(folder / "film.mp4", film.view(), {});
    const Video video = read_video(folder / "film.mp4");
    double squares = 0;
    for (size_t i = 0; i < film.rgb.size(); ++i) squares += std::pow(int{film.rgb[i]} - int{video.pixels[i]}, 2);
    EXPECT_LT(std::sqrt(squares / static_cast<double>(film.rgb.size())), 2.2) << vertical;
  }
}

// V7.
TEST(VideoReader, TenBitClipsBecomeEightBits) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const TemporaryFolder folder;
  Film ramp(1, 32, 256);
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 256; ++x) ramp.set(0, y, x, {static_cast<uint8_t>(x), static_cast<uint8_t>(x), static_cast<uint8_t>(x)});
  }
  write_png(folder / "ramp.png", copy_frame(ramp.view(), 0));
  const std::string input =
      "-loop 1 -i " + (folder / "ramp.png").string() +
      " -frames:v 2 -vf scale=out_color_matrix=bt709:out_range=tv,format=yuv420p10le -colorspace bt709 -color_range tv ";
  const std::pair<const char*, const char*> encoders[] = {{"hevc.mp4", "-c:v libx265 -x265-params lossless=1:log-level=none "},
                                                          {"vp9.webm", "-c:v libvpx-vp9 -lossless 1 "},
                                                          {"ffv1.mkv", "-c:v ffv1 "}};
  int tried = 0;
  for (const auto& [name, arguments] : encoders) {
    if (!test::ffmpeg(input + arguments + (folder / name).string()).empty()) continue;  // An encoder that this FFmpeg lacks.
    ++tried;
    const Video video = read_video(folder / name);
    EXPECT_EQ(video.info.pixel_format, "yuv420p10le") << name;
    for (int x = 0; x < 256; ++x) {
      EXPECT_LE(test::largest_difference(test::pixel(video.view(), 1, 16, x), test::pixel(ramp.view(), 0, 16, x)), 1)
          << name << " at " << x;
    }
  }
  EXPECT_GE(tried, 1);
}

TEST(VideoReader, FramesHeldBackByTheDecoderComeOutAtTheEnd) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(50, 48, 64).view(), {});
  ASSERT_EQ(test::ffmpeg("-i " + (folder / "film.mp4").string() + " -c:v libx264 -bf 8 -b_strategy 0 -refs 6 -crf 6 " +
                         (folder / "deep.mkv").string()),
            "");
  const Video video = read_video(folder / "deep.mkv");
  ASSERT_EQ(video.info.frames, 50);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(test::frame_number(video.view(), i), i);
}

}  // namespace
}  // namespace dreamrunner
