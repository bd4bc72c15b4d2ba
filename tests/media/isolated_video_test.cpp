#include "media/isolated_video.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <numeric>
#include <stop_token>
#include <thread>

#include "media/video_writer.h"
#include "media_support.h"
#include "process_watch.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using test::error_of;
using test::ProcessWatch;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

class IsolatedVideoTest : public testing::Test {
 protected:
  void SetUp() override { write_video(film, test::numbered_film(40, 48, 64).view(), {FrameRate{20, 1}, {}}); }

  /// Limits that start the decoder of tests/media/misbehaving_child.cpp to do `what`.
  IsolationLimits misbehaving(const std::string& what, double silence_s = 5, double total_s = 10) const {
    const fs::path link = folder / what;
    if (!fs::exists(link)) fs::create_symlink(DREAMRUNNER_MISBEHAVING_CHILD, link);
    return {.silence_s = silence_s, .total_s = total_s, .decoder = link};
  }

  TemporaryFolder folder;
  fs::path film = folder / "film.mp4";
};

TEST_F(IsolatedVideoTest, GivesWhatTheReaderInThisProcessGives) {
  const ProcessWatch watch;
  VideoReadOptions window, few;
  window.start_s = 0.5;
  window.end_s = 1.25;
  few.every = 3;
  for (const VideoReadOptions& options : {VideoReadOptions{}, window, few}) {
    const Video here = read_video(film, options), there = read_isolated_video(film, options);
    EXPECT_EQ(there.pixels, here.pixels);
    EXPECT_EQ(there.times_s, here.times_s);
    EXPECT_EQ(there.info.frames, here.info.frames);
    EXPECT_EQ(there.info.codec, here.info.codec);
    EXPECT_EQ(there.info.container, here.info.container);
    EXPECT_EQ(there.info.pixel_format, here.info.pixel_format);
    EXPECT_EQ(there.info.rate, here.info.rate);
    EXPECT_EQ(there.info.range, here.info.range);
    EXPECT_EQ(there.info.matrix, here.info.matrix);
    EXPECT_EQ(there.info.primaries, here.info.primaries);
    EXPECT_EQ(there.info.transfer, here.info.transfer);
    EXPECT_EQ(there.info.width, 64);
    EXPECT_EQ(there.info.height, 48);
    EXPECT_EQ(there.info.metadata, here.info.metadata);
  }
  EXPECT_EQ(probe_isolated_video(film).frames, 40);
  EXPECT_EQ(probe_isolated_video(film).metadata, probe_video(film).metadata);
}

TEST_F(IsolatedVideoTest, AfterTheLastPictureThereIsNone) {
  const ProcessWatch watch;
  VideoReadOptions two;
  two.only = {0, 1};
  IsolatedVideo video(film, two);
  Picture picture;
  double time_s = 0;
  EXPECT_TRUE(video.next(picture, time_s));
  IsolatedVideo moved = std::move(video);
  EXPECT_TRUE(moved.next(picture, time_s));
  EXPECT_FALSE(moved.next(picture, time_s));
  EXPECT_FALSE(moved.next(picture, time_s));
}

// The pipe holds a fraction of these; the decoder waits in the middle of one.
TEST_F(IsolatedVideoTest, AVideoThatIsGivenUpLeavesNothingBehind) {
  const ProcessWatch watch;
  write_video(folder / "large.mp4", test::numbered_film(12, 720, 1280).view(), {});
  for (int pictures = 0; pictures < 3; ++pictures) {
    IsolatedVideo video(folder / "large.mp4");
    Picture picture;
    double time_s = 0;
    for (int i = 0; i < pictures; ++i) EXPECT_TRUE(video.next(picture, time_s));
  }
}

TEST_F(IsolatedVideoTest, ManyAtOnceFromManyThreads) {
  const ProcessWatch watch(60);
  std::vector<int64_t> frames(8);
  {
    std::vector<std::jthread> threads;
    for (int64_t& count : frames) {
      threads.emplace_back([&count, this] {
        for (int i = 0; i < 5; ++i) count += read_isolated_video(film).info.frames;
      });
    }
  }
  EXPECT_EQ(std::accumulate(frames.begin(), frames.end(), int64_t{0}), 8 * 5 * 40);
}

// Threads come and go in a pool; the decoder belongs to the process.
TEST_F(IsolatedVideoTest, OutlivesTheThreadThatOpenedIt) {
  const ProcessWatch watch;
  std::unique_ptr<IsolatedVideo> video;
  std::jthread([&] { video = std::make_unique<IsolatedVideo>(film); }).join();
  Picture picture;
  double time_s = 0;
  int frames = 0;
  while (video->next(picture, time_s)) ++frames;
  EXPECT_EQ(frames, 40);
}

TEST_F(IsolatedVideoTest, WorksWhateverThisProcessHasOpenOrClosed) {
  const ProcessWatch watch;
  // In a process of its own: the numbers 0 to 3 are free, so that the file or a pipe would get them; SIGCHLD is ignored, so
  // that nobody learns how the decoder ended; SIGPIPE would end this process.
  const pid_t other = ::fork();
  ASSERT_GE(other, 0);
  if (other == 0) {
    for (int fd = 0; fd < 4; ++fd) ::close(fd);
    ::signal(SIGCHLD, SIG_IGN);
    int64_t frames = 0;
    try {
      frames = read_isolated_video(film).info.frames;
      error_of([&] { IsolatedVideo(film, {}, misbehaving("leave-at-once")); });
    } catch (const std::exception&) {
    }
    std::_Exit(frames == 40 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(other, &status, 0), other);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

// Of a file that cannot be decoded a message is expected that says what, beginning with its name.
TEST_F(IsolatedVideoTest, ADecoderThatEndsOrHangsCostsTheFileOnly) {
  const std::pair<const char*, const char*> cases[] = {
      {"crash", "the decoder crashed (signal 11)"},
      {"abort", "the decoder crashed (signal 6)"},
      {"killed", "the decoder was killed (signal 9)"},
      {"leave", "ended without an answer (exit status 3)"},
      {"hang", "nothing decoded for 1 s"},
      {"hang-closed", "the decoder was killed"},
      {"hang-among-pictures", "nothing decoded for 1 s"},
      {"crash-among-pictures", "the decoder crashed (signal 4)"},
      {"busy-for-ever", "decoding takes more than 2.5 s"},
      {"drip", "the decoder's answer makes no sense: message 67372036"},
      {"die-in-head", "ended without an answer (exit status 0)"},
      {"die-in-body", "ended without an answer (exit status 0)"},
      {"die-in-pixels", "the decoder crashed (signal 7)"},
  };
  for (const auto& [what, words] : cases) {
    SCOPED_TRACE(what);
    const ProcessWatch watch;
    const Error error = error_of([&] { read_isolated_video(film, {}, misbehaving(what, 1, 2.5)); });
    EXPECT_EQ(error.kind(), ErrorKind::input_file) << error.what();
    EXPECT_THAT(error.what(), AllOf(testing::StartsWith(film.string() + ": "), HasSubstr(words)));
  }
}

TEST_F(IsolatedVideoTest, ADecoderThatLiesIsNotBelieved) {
  const std::pair<const char*, const char*> cases[] = {
      {"flood", "more than 10 pictures"},
      {"too-many", "more than 10 pictures"},
      {"huge-info", "a message of 4294967295 bytes, up to 65536 expected"},
      {"huge-refusal", "a message of 4294967295 bytes, up to 1024 expected"},
      {"huge-working", "a message of 4294967295 bytes, up to 0 expected"},
      {"huge-picture", "a picture of 37837 x 37837"},
      {"huge-width", "a picture of 100000 x 1"},
      {"no-pixels", "a picture of 0 x 0"},
      {"wrong-size", "767 bytes for a picture of 16 x 16"},
      {"short-picture", "message 4 of 8 bytes among the pictures"},
      {"other-size", "a picture of 16 x 8 after one of 16 x 16"},
      {"time-nan", "a picture at nan s"},
      {"time-outside", "a picture at -1 s"},
      {"time-falls", "a picture at 0.5 s"},
      {"picture-first", "message 4 where it describes the file"},
      {"hello-again", "message 1 where it describes the file"},
      {"unknown-kind", "message 77 of 0 bytes among the pictures"},
      {"info-lies", "0 bytes where 2139062143 are needed"},
      {"info-too-long", "makes no sense"},
      {"info-huge-picture", "pictures of 1073741824 x 16"},
      {"info-no-rate", "a rate of 8 / 0"},
      {"info-slanted", "a turn of 45 degrees"},
      {"end-at-once", "message 5 where it describes the file"},
      {"colourful-refusal", "film.mp4: ?[2J?]0;owned? line?break ?"},
      {"empty-refusal", "film.mp4: cannot be decoded"},
  };
  VideoReadOptions options;
  options.most_frames = 10;
  for (const auto& [what, words] : cases) {
    SCOPED_TRACE(what);
    const ProcessWatch watch(3);
    const Error error = error_of([&] { read_isolated_video(film, options, misbehaving(what)); });
    EXPECT_EQ(error.kind(), ErrorKind::input_file) << error.what();
    EXPECT_THAT(error.what(), AllOf(testing::StartsWith(film.string() + ": "), HasSubstr(words)));
  }
  EXPECT_EQ(read_isolated_video(film, options, misbehaving("good")).info.frames, 3);
}

// No clip may be blamed for these: the next one would fare no better.
TEST_F(IsolatedVideoTest, ADecoderThatCannotStartIsNoFaultOfTheFile) {
  std::vector<std::pair<IsolationLimits, std::string>> cases = {
      {{.decoder = folder / "none"}, "none: cannot be started: No such file or directory"},
      {{.decoder = film}, "film.mp4: cannot be started: Permission denied"},
      {misbehaving("crash-at-once"), "cannot be started: the decoder crashed (signal 11)"},
      {misbehaving("leave-at-once"), "cannot be started: the decoder ended without an answer (exit status 127)"},
      {misbehaving("hang-at-once", 0.4), "cannot be started: nothing decoded for 0.4 s"},
      {misbehaving("refuse-at-once"), "cannot be started: limit of memory: Operation not permitted"},
      {misbehaving("old-version"), "cannot be started: the decoder's answer makes no sense: version 0, 1 expected"},
      {misbehaving("deaf", 0.4), "cannot be started: nothing decoded for 0.4 s"},
  };
  VideoReadOptions long_request;
  long_request.only.resize(100'000);
  std::iota(long_request.only.begin(), long_request.only.end(), 0);
  for (const auto& [limits, words] : cases) {
    SCOPED_TRACE(words);
    const ProcessWatch watch(5);
    const Error error = error_of([&] { read_isolated_video(film, long_request, limits); });
    EXPECT_EQ(error.kind(), ErrorKind::storage) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(words));
    EXPECT_THAT(error.what(), HasSubstr(limits.decoder.filename().string()));
  }
}

TEST_F(IsolatedVideoTest, AStopIsHeardAtOnce) {
  const ProcessWatch watch;
  std::stop_source stop;
  RunContext run{stop.get_token(), nullptr};
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop.request_stop();
  });
  const auto start = std::chrono::steady_clock::now();
  const Error error = error_of([&] { read_isolated_video(film, {}, misbehaving("hang", 60, 60), run); });
  EXPECT_EQ(error.kind(), ErrorKind::interrupted) << error.what();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST_F(IsolatedVideoTest, MemoryAndProcessorTimeAreLimited) {
  const ProcessWatch watch(20);
  write_video(folder / "large.mp4", test::numbered_film(1, 4096, 8192).view(), {});
  IsolationLimits little;
  little.memory_bytes = int64_t{400} << 20;  // The libraries take about 190 of these, the picture as RGB 100, and three times.
  const Error memory = error_of([&] { read_isolated_video(folder / "large.mp4", {}, little); });
  EXPECT_EQ(memory.kind(), ErrorKind::input_file);
  EXPECT_THAT(memory.what(), HasSubstr("memory")) << memory.what();
  EXPECT_EQ(read_isolated_video(folder / "large.mp4").info.frames, 1);

  const Error time = error_of([&] { read_isolated_video(film, {}, misbehaving("hang-locked", 60, 60)); });  // Limited to one second.
  EXPECT_EQ(time.kind(), ErrorKind::input_file);
  EXPECT_THAT(time.what(), HasSubstr("of processor time")) << time.what();
}

}  // namespace
}  // namespace dreamrunner
