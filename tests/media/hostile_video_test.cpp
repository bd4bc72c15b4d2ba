#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>

#include "media/video_reader.h"
#include "media/video_writer.h"
#include "media_support.h"
#include "support/temporary_folder.h"

// Files that are not what they should be: each is Error(input_file) with the file's name, and soon.
namespace dreamrunner {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

Error refusal(const std::filesystem::path& path, const VideoReadOptions& options = {}) {
  const auto start = std::chrono::steady_clock::now();
  const Error error = error_of([&] { read_video(path, options); });
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10)) << path;
  EXPECT_EQ(error.kind(), ErrorKind::input_file) << path << ": " << error.what();
  EXPECT_THAT(error.what(), HasSubstr(path.filename().string()));
  return error;
}

class HostileVideo : public testing::Test {
 protected:
  void SetUp() override {
    write_video(folder / "good.mp4", test::numbered_film(24, 96, 144).view(), {});
    good = test::file_bytes(folder / "good.mp4");
  }
  TemporaryFolder folder;
  std::string good;
};

TEST_F(HostileVideo, Garbage) {
  test::write_bytes(folder / "empty.mp4", "");
  refusal(folder / "empty.mp4");
  test::write_bytes(folder / "text.mp4", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123\n");
  refusal(folder / "text.mp4");
  std::string noise(200'000, '\0');
  uint32_t state = 7;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  test::write_bytes(folder / "noise.mp4", noise);
  refusal(folder / "noise.mp4");
  test::write_bytes(folder / "zeros.mp4", std::string(100'000, '\0'));
  refusal(folder / "zeros.mp4");
}

TEST_F(HostileVideo, CutAnywhere) {
  for (int percent = 1; percent < 100; percent += 3) {
    test::write_bytes(folder / "cut.mp4", good.substr(0, good.size() * static_cast<size_t>(percent) / 100));
    refusal(folder / "cut.mp4");
    EXPECT_EQ(error_of([&] { probe_video(folder / "cut.mp4"); }).kind(), ErrorKind::input_file) << percent;
  }
  // The last pictures are a few bytes each: some of these cuts fall between two of them.
  for (size_t missing = 1; missing < 300; ++missing) {
    test::write_bytes(folder / "cut.mp4", good.substr(0, good.size() - missing));
    refusal(folder / "cut.mp4");
  }
}

TEST_F(HostileVideo, FlippedBytesNeverCrash) {
  uint32_t state = 3;
  for (int round = 0; round < 150; ++round) {
    std::string bytes = good;
    for (int i = 0; i < 4; ++i) {
      state = state * 1664525u + 1013904223u;
      bytes[state % bytes.size()] = static_cast<char>(state >> 20);
    }
    test::write_bytes(folder / "flipped.mp4", bytes);
    try {
      read_video(folder / "flipped.mp4");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input_file) << error.what();
    }
  }
}

TEST_F(HostileVideo, PlaylistsOpenNothing) {
  const std::string target = (folder / "good.mp4").string();
  const std::pair<const char*, std::string> playlists[] = {
      {"concat.mp4", "ffconcat version 1.0\nfile '" + target + "'\n"},
      {"relative.mp4", "ffconcat version 1.0\nfile good.mp4\n"},
      {"hls.mp4", "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\nfile://" + target + "\n#EXT-X-ENDLIST\n"},
      {"network.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"},
      {"dash.mp4",
       "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" mediaPresentationDuration=\"PT3S\" "
       "profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\"><Period><AdaptationSet "
       "mimeType=\"video/mp4\"><Representation id=\"1\" bandwidth=\"1\"><BaseURL>file://" +
           target + "</BaseURL></Representation></AdaptationSet></Period></MPD>"},
      {"sdp.mp4", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"},
  };
  for (const auto& [name, text] : playlists) {
    test::write_bytes(folder / name, text);
    refusal(folder / name);
  }
}

TEST_F(HostileVideo, NoRegularFile) {
  ASSERT_EQ(::mkfifo((folder / "fifo.mp4").c_str(), 0600), 0);
  EXPECT_THAT(refusal(folder / "fifo.mp4").what(), HasSubstr("not a regular file"));
  std::filesystem::create_directory(folder / "folder.mp4");
  EXPECT_THAT(refusal(folder / "folder.mp4").what(), HasSubstr("not a regular file"));
  EXPECT_THAT(refusal(folder / "none.mp4").what(), HasSubstr("no such file"));
  EXPECT_THAT(refusal(folder / "good.mp4/x.mp4").what(), HasSubstr("no such file"));
}

TEST_F(HostileVideo, LimitsHoldBeforeMemoryIsTaken) {
  VideoReadOptions small;
  small.largest_side = 100;
  EXPECT_THAT(refusal(folder / "good.mp4", small).what(), HasSubstr("144 x 96, sides up to 100"));
  VideoReadOptions few;
  few.most_frames = 10;
  EXPECT_THAT(refusal(folder / "good.mp4", few).what(), HasSubstr("more than 10 frames"));
  VideoReadOptions tight;
  tight.most_bytes = 100'000;
  EXPECT_THAT(refusal(folder / "good.mp4", tight).what(), HasSubstr("more than 100000 bytes"));
}

TEST_F(HostileVideo, SoundAloneIsNoVideo) {
  DREAMRUNNER_NEEDS_FFMPEG();
  ASSERT_EQ(test::ffmpeg("-f lavfi -i sine=d=0.2 " + (folder / "sound.wav").string()), "");
  EXPECT_THAT(refusal(folder / "sound.wav").what(), HasSubstr("no video stream"));
}

TEST_F(HostileVideo, ASlantedTurnIsRefused) {
  std::string bytes = good;
  test::set_display_matrix(bytes, 1, 1, -1, 1);
  test::write_bytes(folder / "slanted.mp4", bytes);
  EXPECT_THAT(refusal(folder / "slanted.mp4").what(), HasSubstr("slanted"));
}

TEST_F(HostileVideo, NothingIsPrinted) {
  test::write_bytes(folder / "cut.mp4", good.substr(0, good.size() / 2));
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  refusal(folder / "cut.mp4");
  read_video(folder / "good.mp4");
  write_video(folder / "again.mp4", test::numbered_film(3, 16, 16).view(), {});
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace dreamrunner
