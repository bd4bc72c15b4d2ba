#include "media/video_writer.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/resource.h>

#include <clocale>
#include <csignal>
#include <ctime>
#include <random>

#include "media/video_reader.h"
#include "media_support.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using test::error_of;
using test::Film;
using test::Rgb;
using test::TemporaryFolder;
using testing::HasSubstr;

/// Grey inside, with a border one pixel wide.
Film bordered_film(int frames, int height, int width) {
  Film film = test::flat_film(frames, height, width, {90, 90, 90});
  for (int i = 0; i < frames; ++i) {
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        if (y == 0 || x == 0 || y == height - 1 || x == width - 1) film.set(i, y, x, {230, 230, 230});
      }
    }
  }
  return film;
}

// F1. Grey pictures, so that luma alone (at full size) carries the border: 12 levels allow for x264 at crf 13.
TEST(VideoWriter, AnySizeIsWrittenAsGivenOrPaddedNeverRescaled) {
  const TemporaryFolder folder;
  const std::pair<int, int> sizes[] = {{722, 482}, {721, 481}, {722, 481}, {2, 2}, {16, 16}, {1, 1}, {3, 1}, {18, 10}, {130, 66}};
  for (const auto& [width, height] : sizes) {
    SCOPED_TRACE(std::to_string(width) + " x " + std::to_string(height));
    const Film film = bordered_film(3, height, width);
    const WrittenVideo written = write_video(folder / "film.mp4", film.view(), {});
    EXPECT_EQ(written.frames, 3);
    EXPECT_EQ(written.width, width + width % 2);
    EXPECT_EQ(written.height, height + height % 2);
    EXPECT_EQ(written.padded_column, width % 2 == 1);
    EXPECT_EQ(written.padded_line, height % 2 == 1);
    const Video video = read_video(folder / "film.mp4");
    ASSERT_EQ(video.info.width, written.width);
    ASSERT_EQ(video.info.height, written.height);
    ASSERT_EQ(video.info.frames, 3);
    int worst = 0;
    for (int y = 0; y < written.height; ++y) {
      for (int x = 0; x < written.width; ++x) {
        const Rgb expected = test::pixel(film.view(), 2, std::min(y, height - 1), std::min(x, width - 1));
        worst = std::max(worst, test::largest_difference(test::pixel(video.view(), 2, y, x), expected));
      }
    }
    EXPECT_LE(worst, 12);
  }
}

/// BT.709, limited range, from the standard's coefficients: what a reader that trusts the tags shows.
Rgb rgb_from_bt709(int y, int cb, int cr) {
  const double luma = (y - 16) / 219.0, b = (cb - 128) / 224.0, r = (cr - 128) / 224.0;
  const double values[] = {luma + 1.5748 * r, luma - 0.2126 * 1.5748 / 0.7152 * r - 0.0722 * 1.8556 / 0.7152 * b, luma + 1.8556 * b};
  Rgb rgb{};
  for (size_t c = 0; c < 3; ++c) rgb[c] = static_cast<uint8_t>(std::lround(255 * std::clamp(values[c], 0.0, 1.0)));
  return rgb;
}

// F3. Three levels: the 8-bit YUV grid alone costs up to two.
TEST(VideoWriter, FlatColoursComeBackWithinThreeLevels) {
  const TemporaryFolder folder;
  const Rgb colours[] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {128, 128, 128}, {16, 16, 16}, {255, 255, 255}, {0, 0, 0}, {200, 120, 40}};
  for (const auto& [width, height] : {std::pair{720, 480}, {1360, 768}, {144, 96}}) {
    Film film(8, height, width);
    for (int i = 0; i < 8; ++i) {
      const Film one = test::flat_film(1, height, width, colours[i]);
      std::copy(one.rgb.begin(), one.rgb.end(), film.rgb.begin() + static_cast<ptrdiff_t>(one.rgb.size()) * i);
    }
    write_video(folder / "film.mp4", film.view(), {});
    const Video video = read_video(folder / "film.mp4");
    EXPECT_EQ(video.info.range, "tv");
    EXPECT_EQ(video.info.matrix, "bt709");
    EXPECT_EQ(video.info.primaries, "bt709");
    EXPECT_EQ(video.info.transfer, "bt709");
    EXPECT_EQ(video.info.codec, "h264");
    EXPECT_EQ(video.info.pixel_format, "yuv420p");
    ASSERT_EQ(video.info.frames, 8);
    for (int i = 0; i < 8; ++i) {
      for (const auto& [y, x] : {std::pair{0, 0}, {height / 2, width / 3}, {height - 1, width - 1}}) {
        EXPECT_LE(test::largest_difference(test::pixel(video.view(), i, y, x), colours[i]), 3) << "frame " << i << " at " << x << ", " << y;
      }
    }
    if (!test::has_ffmpeg()) continue;
    // A second reader: the stored samples, taken to RGB by the tags without any of our code.
    ASSERT_EQ(test::ffmpeg("-i " + (folder / "film.mp4").string() + " -f rawvideo -pix_fmt yuv420p " + (folder / "film.yuv").string()), "");
    const std::string yuv = test::file_bytes(folder / "film.yuv");
    const size_t luma = static_cast<size_t>(width) * static_cast<size_t>(height), frame = luma * 3 / 2;
    ASSERT_EQ(yuv.size(), frame * 8);
    for (size_t i = 0; i < 8; ++i) {
      const auto at = [&](size_t offset) { return int{static_cast<uint8_t>(yuv[i * frame + offset])}; };
      EXPECT_LE(test::largest_difference(rgb_from_bt709(at(luma / 2), at(luma + luma / 8), at(luma + luma / 4 + luma / 8)), colours[i]), 3)
          << "frame " << i;
    }
  }
}

TEST(VideoWriter, PictureDetailSurvives) {
  const TemporaryFolder folder;
  Film film(4, 96, 144);
  for (int i = 0; i < 4; ++i) {
    for (int y = 0; y < 96; ++y) {
      for (int x = 0; x < 144; ++x) {
        const double wave = std::sin((x + 3 * i) * 0.15) * std::cos(y * 0.11);
        film.set(i, y, x,
                 {static_cast<uint8_t>(128 + 100 * wave), static_cast<uint8_t>(90 + 60 * std::sin(y * 0.07)), static_cast<uint8_t>(x)});
      }
    }
  }
  write_video(folder / "film.mp4", film.view(), {});
  const Video video = read_video(folder / "film.mp4");
  ASSERT_EQ(video.pixels.size(), film.rgb.size());
  double squares = 0;
  for (size_t i = 0; i < film.rgb.size(); ++i) squares += std::pow(int{film.rgb[i]} - int{video.pixels[i]}, 2);
  const double psnr = 10 * std::log10(255.0 * 255.0 * static_cast<double>(film.rgb.size()) / squares);
  EXPECT_GT(psnr, 42);  // Visually lossless; a wrong chroma site or matrix costs 5 dB and more.
}

// F5.
TEST(VideoWriter, EveryRateShowsTheSamePicturesAndStaysAFraction) {
  const TemporaryFolder folder;
  const Film film = test::numbered_film(25, 96, 144);
  const std::pair<const char*, FrameRate> rates[] = {
      {"1", {1, 1}},   {"7.99", {799, 100}},          {"8", {8, 1}},   {"12", {12, 1}},
      {"16", {16, 1}}, {"23.976", {24000, 1001}},     {"24", {24, 1}}, {"29.97", {30000, 1001}},
      {"30", {30, 1}}, {"24000/1001", {24000, 1001}}, {"1/7", {1, 7}}};
  for (const auto& [text, rate] : rates) {
    SCOPED_TRACE(text);
    write_video(folder / "film.mp4", film.view(), {parse_frame_rate(text), {}});
    const Video video = read_video(folder / "film.mp4");
    EXPECT_EQ(video.info.rate, rate);
    ASSERT_EQ(video.info.frames, 25);
    for (int i = 0; i < 25; ++i) {
      EXPECT_EQ(test::frame_number(video.view(), i), i);
      EXPECT_NEAR(video.times_s[static_cast<size_t>(i)], i / rate.per_second(), 1e-9);
    }
    EXPECT_EQ(probe_video(folder / "film.mp4").frames, 25);
  }
}

TEST(VideoWriter, FilmOfOneFrameLastsOneFrame) {
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(1, 96, 144, 5).view(), {parse_frame_rate("24000/1001"), {}});
  const Video video = read_video(folder / "film.mp4");
  ASSERT_EQ(video.info.frames, 1);
  EXPECT_EQ(test::frame_number(video.view(), 0), 5);
  EXPECT_EQ(video.info.rate, (FrameRate{24000, 1001}));
}

TEST(VideoWriter, FramesMayComeInPieces) {
  const TemporaryFolder folder;
  const Film film = test::numbered_film(9, 32, 48);
  write_video(folder / "whole.mp4", film.view(), {});
  VideoWriter writer(folder / "pieces.mp4", 48, 32, {});
  for (int i = 0; i < 9; ++i) writer.add({1, 32, 48, film.view().frame(i)});
  EXPECT_EQ(writer.finish().frames, 9);
  EXPECT_TRUE(test::file_bytes(folder / "whole.mp4") == test::file_bytes(folder / "pieces.mp4"));
}

/// Switches to a locale with a decimal comma, made on the spot where none is installed. False if that cannot be done.
bool use_comma_locale(const TemporaryFolder& folder) {
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8"}) {
    if (std::setlocale(LC_ALL, name) != nullptr) return true;
  }
  int status = 0;
  test::shell("localedef -i de_DE -f UTF-8 " + (folder / "de_DE.UTF-8").string(), status);
  ::setenv("LOCPATH", folder.path().c_str(), 1);
  const bool found = std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr;
  ::unsetenv("LOCPATH");
  return found;
}

TEST(VideoWriter, SameFramesGiveTheSameBytes) {
  const TemporaryFolder folder;
  const Film film = bordered_film(20, 96, 144);
  const VideoOptions options{parse_frame_rate("7.99"), {{"title", "A day of the witch"}, {"seed", "7"}}};
  write_video(folder / "one.mp4", film.view(), options);
  write_video(folder / "other name.mp4", film.view(), options);
  EXPECT_TRUE(test::file_bytes(folder / "one.mp4") == test::file_bytes(folder / "other name.mp4"));
}

// x264's AVX-512 code gives about one in a hundred of these films other bytes, depending on what is left in memory.
TEST(VideoWriter, WhatMemoryHeldBeforeChangesNoByte) {
  const TemporaryFolder folder;
  std::mt19937 random(1);
  for (unsigned content = 0; content < 5; ++content) {
    std::mt19937 blocks(content);
    Film film(8, 32, 48);
    for (int half = 0; half < 2; ++half) {
      for (int block = 0; block < 24; ++block) {
        const Rgb colour{static_cast<uint8_t>(blocks()), static_cast<uint8_t>(blocks()), static_cast<uint8_t>(blocks())};
        for (int i = 0; i < 4 * 64; ++i) film.set(half * 4 + i / 64, block / 6 * 8 + i % 64 / 8, block % 6 * 8 + i % 8, colour);
      }
    }
    std::string first;
    for (int round = 0; round < 60; ++round) {
      {
        std::vector<std::vector<uint8_t>> garbage;
        for (int i = 0; i < 40; ++i) garbage.emplace_back(16 + random() % 200'000, static_cast<uint8_t>(random()));
      }
      write_video(folder / "film.mp4", film.view(), {});
      const std::string bytes = test::file_bytes(folder / "film.mp4");
      if (first.empty()) first = bytes;
      ASSERT_TRUE(bytes == first) << "content " << content << ", round " << round;
    }
  }
}

TEST(VideoWriter, NumberOfProcessorsChangesNoByte) {
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "one processor only";
  const TemporaryFolder folder;
  const Film film = bordered_film(20, 96, 144);
  write_video(folder / "many.mp4", film.view(), {});
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  write_video(folder / "one.mp4", film.view(), {});
  ASSERT_EQ(::sched_setaffinity(0, sizeof all, &all), 0);
  EXPECT_TRUE(test::file_bytes(folder / "many.mp4") == test::file_bytes(folder / "one.mp4"));
}

TEST(VideoWriter, TimeZoneAndDecimalCommaChangeNoByte) {
  const TemporaryFolder folder, locales;
  const Film film = bordered_film(20, 96, 144);
  write_video(folder / "one.mp4", film.view(), {});
  const std::string zone = std::getenv("TZ") != nullptr ? std::getenv("TZ") : "";
  ::setenv("TZ", "Pacific/Kiritimati", 1);
  ::tzset();
  const bool comma = use_comma_locale(locales);
  write_video(folder / "other.mp4", film.view(), {});
  std::setlocale(LC_ALL, "C");
  zone.empty() ? ::unsetenv("TZ") : ::setenv("TZ", zone.c_str(), 1);
  ::tzset();
  EXPECT_TRUE(test::file_bytes(folder / "one.mp4") == test::file_bytes(folder / "other.mp4"));
  if (!comma) GTEST_SKIP() << "no locale with a decimal comma is installed or can be made; the time zone was tried";
}

TEST(VideoWriter, TitleAndFactsAreInTheFileAndTheIndexIsInFront) {
  const TemporaryFolder folder;
  const VideoOptions options{{}, {{"title", "The witch’s day"}, {"prompt", "a witch\nis walking"}, {"seed", "7"}, {"version", "0.1.0"}}};
  write_video(folder / "film.mp4", test::numbered_film(3, 32, 48).view(), options);
  const VideoInfo info = probe_video(folder / "film.mp4");
  EXPECT_EQ(info.metadata.at("title"), "The witch’s day");
  EXPECT_EQ(info.metadata.at("comment"), "prompt: a witch is walking\nseed: 7\nversion: 0.1.0");
  const std::string bytes = test::file_bytes(folder / "film.mp4");
  EXPECT_LT(bytes.find("moov"), bytes.find("mdat"));
  EXPECT_EQ(bytes.find("Lavf"), std::string::npos) << "the library's version is in the container";

  if (!test::has_ffmpeg()) return;
  int status = 0;
  const std::string shown = test::shell("ffprobe -v error -show_format -show_streams " + (folder / "film.mp4").string(), status);
  for (const char* line :
       {"TAG:title=The witch’s day", "seed: 7", "version: 0.1.0", "codec_name=h264", "pix_fmt=yuv420p", "color_range=tv",
        "color_space=bt709", "color_transfer=bt709", "color_primaries=bt709", "chroma_location=left", "r_frame_rate=8/1", "nb_frames=3"}) {
    EXPECT_THAT(shown, HasSubstr(line));
  }
}

TEST(VideoWriter, UnwritableFolderIsAStorageErrorAndLeavesNothing) {
  const TemporaryFolder folder;
  const Film film = test::numbered_film(2, 16, 16);
  const Error missing = error_of([&] { write_video(folder / "missing/film.mp4", film.view(), {}); });
  EXPECT_EQ(missing.kind(), ErrorKind::storage);
  EXPECT_THAT(missing.what(), HasSubstr("missing/film.mp4"));
  EXPECT_THAT(missing.what(), HasSubstr("No such file or directory"));
  test::write_bytes(folder / "file", "x");
  EXPECT_EQ(error_of([&] { write_video(folder / "file/film.mp4", film.view(), {}); }).kind(), ErrorKind::storage);
  std::filesystem::create_directory(folder / "taken.mp4");
  EXPECT_EQ(error_of([&] { write_video(folder / "taken.mp4", film.view(), {}); }).kind(), ErrorKind::storage);
  EXPECT_EQ(test::files_in(folder.path()), 2);
}

// A limit on the size of files stands for a full disk: write() fails in the middle of the film.
TEST(VideoWriter, FullDiskIsAStorageErrorAndKeepsTheOldFilm) {
  const TemporaryFolder folder;
  write_video(folder / "film.mp4", test::numbered_film(2, 16, 16).view(), {});
  const std::string before = test::file_bytes(folder / "film.mp4");
  Film noise(12, 128, 128);
  uint32_t state = 1;
  for (uint8_t& value : noise.rgb) value = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  const TemporaryFolder elsewhere;
  write_video(elsewhere / "film.mp4", noise.view(), {});
  const auto complete = static_cast<rlim_t>(std::filesystem::file_size(elsewhere / "film.mp4"));

  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  for (const rlim_t limit : {rlim_t{20}, complete / 4, complete - 800, complete - 1}) {
    const rlimit small{limit, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const Error error = error_of([&] { write_video(folder / "film.mp4", noise.view(), {}); });
    ::setrlimit(RLIMIT_FSIZE, &old);
    EXPECT_EQ(error.kind(), ErrorKind::storage) << limit << ": " << error.what();
  }
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(test::files_in(folder.path()), 1);
  EXPECT_TRUE(test::file_bytes(folder / "film.mp4") == before);
}

TEST(VideoWriter, AbandonedFilmLeavesNothing) {
  const TemporaryFolder folder;
  {
    VideoWriter writer(folder / "film.mp4", 16, 16, {});
    writer.add(test::numbered_film(2, 16, 16).view());
  }
  EXPECT_EQ(test::files_in(folder.path()), 0);
}

TEST(VideoWriter, StopsWhenAskedAndLeavesNothing) {
  const TemporaryFolder folder;
  std::stop_source stop;
  stop.request_stop();
  const RunContext run{stop.get_token(), nullptr};
  EXPECT_EQ(error_of([&] { write_video(folder / "film.mp4", test::numbered_film(5, 16, 16).view(), {}, run); }).kind(),
            ErrorKind::interrupted);
  EXPECT_EQ(test::files_in(folder.path()), 0);
}

TEST(VideoWriter, RefusesNoFramesAndOddRequests) {
  const TemporaryFolder folder;
  const Film film = test::numbered_film(1, 16, 16);
  EXPECT_EQ(error_of([&] { write_video(folder / "a.mp4", {0, 16, 16, film.rgb.data()}, {}); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([&] { VideoWriter(folder / "a.mp4", 0, 16, {}); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([&] { VideoWriter(folder / "a.mp4", 20000, 16, {}); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([&] { VideoWriter(folder / "a.mp4", 16, 16, {FrameRate{0, 1}, {}}); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([&] { VideoWriter(folder / "a.mp4", 16, 32, {}).add(film.view()); }).kind(), ErrorKind::usage);
  EXPECT_EQ(test::files_in(folder.path()), 0);
}

}  // namespace
}  // namespace dreamrunner
