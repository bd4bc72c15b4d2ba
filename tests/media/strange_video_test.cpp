#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "media/isolated_video.h"
#include "media/png.h"
#include "media/video_writer.h"
#include "media_support.h"
#include "mp4_boxes.h"
#include "process_watch.h"
#include "support/temporary_folder.h"

// Files that are no video, or not the one that they say, read in a process of its own: a message that says why, soon, and nothing
// left behind.
namespace dreamrunner {
namespace {

using test::big_endian;
using test::error_of;
using test::ProcessWatch;
using test::TemporaryFolder;
using testing::HasSubstr;
namespace fs = std::filesystem;

class StrangeVideo : public testing::Test {
 protected:
  void SetUp() override {
    write_video(folder / "good.mp4", test::numbered_film(24, 96, 144).view(), {});
    good = test::file_bytes(folder / "good.mp4");
  }
  /// FFmpeg's command line on the good film, for a file of this name.
  fs::path make(const std::string& name, const std::string& arguments, const std::string& before = "") const {
    EXPECT_EQ(test::ffmpeg(before + " -i " + (folder / "good.mp4").string() + " " + arguments + " " + (folder / name).string()), "");
    return folder / name;
  }
  fs::path write(const std::string& name, const std::string& bytes) const {
    test::write_bytes(folder / name, bytes);
    return folder / name;
  }
  /// That `path` is refused with one of these words.
  void expect_refused(const fs::path& path, const std::vector<std::string>& words, const VideoReadOptions& options = {}) const {
    SCOPED_TRACE(path);
    const ProcessWatch watch(5);
    const Error error = error_of([&] { read_isolated_video(path, options); });
    EXPECT_EQ(error.kind(), ErrorKind::input_file) << error.what();
    EXPECT_THAT(error.what(), testing::StartsWith(path.string() + ": "));
    std::vector<testing::Matcher<std::string>> one_of;
    for (const std::string& word : words) one_of.push_back(HasSubstr(word));
    EXPECT_THAT(std::string(error.what()), testing::AnyOfArray(one_of));
  }

  TemporaryFolder folder;
  std::string good;
};

TEST_F(StrangeVideo, Garbage) {
  const std::string unreadable = "not a video that can be read";
  expect_refused(write("empty.mp4", ""), {unreadable});
  expect_refused(write("pointer.mp4", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123\n"), {unreadable});
  expect_refused(write("page.mp4", "<!DOCTYPE html><html><head><title>404 Not Found</title></head></html>\n"), {unreadable});
  expect_refused(write("zeros.mp4", std::string(100'000, '\0')), {unreadable, "no video stream"});
  std::string noise(200'000, '\0');
  uint32_t state = 7;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  expect_refused(write("noise.mp4", noise), {unreadable, "no video stream", "no decoder", "frame", "pictures of"});
}

TEST_F(StrangeVideo, CutInTheMiddle) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const fs::path index_last = make("index-last.mp4", "-c copy"), index_first = make("index-first.mp4", "-c copy -movflags +faststart");
  for (const auto& [file, words] : {std::pair<fs::path, std::vector<std::string>>{index_last, {"not a video that can be read", "no frame can be decoded"}},
                                    {index_first, {"cut short", "damaged"}}}) {
    const std::string bytes = test::file_bytes(file);
    for (const size_t percent : {50, 90}) {
      expect_refused(write(fmt::format("cut-{}-{}", percent, file.filename().string()), bytes.substr(0, bytes.size() * percent / 100)), words);
    }
  }
}

// These have no list of their frames, and some are meant to be read while they grow: what is there counts.
TEST_F(StrangeVideo, CutInTheMiddleWithoutAnIndex) {
  DREAMRUNNER_NEEDS_FFMPEG();
  for (const auto& [name, encoding] : {std::pair{"film.mkv", "-c:v ffv1"},
                                       {"film.ts", "-c:v mpeg2video -q:v 2"},
                                       {"fragments.mp4", "-c:v libx264 -crf 8 -g 6 -movflags +frag_keyframe+empty_moov"}}) {
    SCOPED_TRACE(name);
    const std::string bytes = test::file_bytes(make(name, encoding));
    const size_t last_fragment = bytes.rfind("mdat");
    const size_t kept = last_fragment == std::string::npos ? bytes.size() / 2 : last_fragment + 6;
    const fs::path cut = write(std::string("cut-") + name, bytes.substr(0, kept));
    const ProcessWatch watch;
    IsolatedVideo video(cut);
    Picture picture;
    double time_s = 0;
    int frames = 0;
    try {
      for (; video.next(picture, time_s); ++frames) EXPECT_EQ(test::frame_number(view_of(picture), 0), frames);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input_file);
      EXPECT_THAT(error.what(), HasSubstr("damaged"));
    }
    EXPECT_GE(frames, 4);
    EXPECT_LT(frames, 24);
  }
}

TEST_F(StrangeVideo, PlaylistsInDisguise) {
  const std::string target = (folder / "good.mp4").string();
  const std::pair<const char*, std::string> playlists[] = {
      {"concat.mp4", "ffconcat version 1.0\nfile '" + target + "'\n"},
      {"relative.mp4", "ffconcat version 1.0\nfile good.mp4\n"},
      {"hls.mp4", "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\nfile://" + target + "\n#EXT-X-ENDLIST\n"},
      {"hls-relative.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\ngood.mp4\n#EXT-X-ENDLIST\n"},
      {"network.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"},
      {"dash.mp4",
       "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" mediaPresentationDuration=\"PT3S\" "
       "profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\"><Period><AdaptationSet mimeType=\"video/mp4\"><Representation id=\"1\" "
       "bandwidth=\"1\"><BaseURL>file://" + target + "</BaseURL></Representation></AdaptationSet></Period></MPD>"},
      {"session.mp4", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"},
      {"drawing.mp4", "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"64\" height=\"48\"><image href=\"file://" +
                          (folder / "good.mp4").string() + "\" width=\"64\" height=\"48\"/></svg>"},
  };
  for (const auto& [name, text] : playlists) expect_refused(write(name, text), {"not a video that can be read", "no video stream", "cannot be decoded", "no frame"});
}

// The referring file is the film without its pictures. The other file has them, and a reader that followed the reference would
// find them, as FFmpeg's command line does when it is told to.
TEST_F(StrangeVideo, AReferenceToAnotherFileIsNotFollowed) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const std::string film = test::file_bytes(make("film.mov", "-c copy"));
  ASSERT_EQ(test::edit_boxes(film, "dref", [](std::string body) { return body; }), film);  // The editor loses nothing.
  std::string referring = test::edit_boxes(film, "dref", [](std::string) { return big_endian(0) + big_endian(1) + test::alias_reference("film.mov"); });
  referring = test::edit_boxes(referring, "mdat", [](const std::string& pictures) { return std::string(pictures.size(), '\0'); });
  const fs::path path = write("referring.mov", referring);
  EXPECT_EQ(test::ffmpeg("-enable_drefs 1 -i " + path.string() + " " + (folder / "followed.mp4").string()), "");
  EXPECT_EQ(read_isolated_video(folder / "followed.mp4").info.frames, 24);
  expect_refused(path, {"cut short", "damaged", "not a video", "no frame"});
}

TEST_F(StrangeVideo, NoRegularFile) {
  ASSERT_EQ(::mkfifo((folder / "fifo.mp4").c_str(), 0600), 0);
  fs::create_directory(folder / "folder.mp4");
  fs::create_symlink("/dev/zero", folder / "device.mp4");
  fs::create_symlink("fifo.mp4", folder / "link-to-fifo.mp4");
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder / "socket.mp4").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  for (const char* name : {"fifo.mp4", "folder.mp4", "device.mp4", "link-to-fifo.mp4", "socket.mp4"}) expect_refused(folder / name, {"not a regular file"});
  expect_refused("/dev/null", {"not a regular file"});
  fs::create_symlink("none.mp4", folder / "link-to-none.mp4");
  fs::create_symlink("loop.mp4", folder / "loop.mp4");
  for (const char* name : {"none.mp4", "link-to-none.mp4", "good.mp4/x.mp4"}) expect_refused(folder / name, {"no such file"});
  const ProcessWatch watch;
  EXPECT_EQ(error_of([&] { IsolatedVideo(folder / "loop.mp4"); }).kind(), ErrorKind::storage);
}

TEST_F(StrangeVideo, AbsurdSizes) {
  expect_refused(write("wide.mp4", "YUV4MPEG2 W20000 H16 F25:1 Ip A1:1 C420\nFRAME\n" + std::string(480'000, '\0')), {"pictures of 20000 x 16, sides up to 8192 expected"});
  expect_refused(write("large.mp4", "YUV4MPEG2 W30000 H30000 F25:1 Ip A1:1 C420\nFRAME\n"), {"pictures of 30000 x 30000, sides up to 8192", "not a video"});
  expect_refused(write("larger.mp4", "YUV4MPEG2 W2000000000 H2000000000 F25:1 Ip A1:1 C420\nFRAME\n"), {"not a video that can be read", "pictures of"});
  // The PNG of one pixel with another size in its header.
  Picture dot{1, 1, {9, 9, 9}};
  write_png(folder / "dot.png", dot);
  std::string png = test::file_bytes(folder / "dot.png");
  png.replace(16, 8, big_endian(60'000) + big_endian(60'000));
  expect_refused(write("picture.mp4", png), {"pictures of", "not a video", "no frame", "cannot be decoded", "no video stream"});
  VideoReadOptions small;
  small.largest_side = 100;
  expect_refused(folder / "good.mp4", {"pictures of 144 x 96, sides up to 100 expected"}, small);
}

TEST_F(StrangeVideo, TooMuchOfEverything) {
  DREAMRUNNER_NEEDS_FFMPEG();
  std::string maps;
  for (int i = 0; i < 100; ++i) maps += " -map 0";
  expect_refused(make("streams.mkv", maps + " -c copy"), {"100 streams found, up to 64 expected"});
  VideoReadOptions few;
  few.most_frames = 10;
  expect_refused(folder / "good.mp4", {"more than 10 frames found"}, few);
  VideoReadOptions tight;
  tight.most_bytes = 100'000;
  expect_refused(folder / "good.mp4", {"more than 100000 bytes of pixels found"}, tight);
  // Tables of samples that say four thousand million, each of one byte; and a clock that says they last for ages.
  const std::string index_last = test::file_bytes(make("index-last.mp4", "-c copy"));
  const std::string sizes = test::edit_boxes(index_last, "stsz", [](std::string) { return big_endian(0) + big_endian(1) + big_endian(0xFFFFFFFF); });
  expect_refused(write("many-samples.mp4", sizes), {"not a video", "cut short", "damaged", "cannot be decoded", "no frame", "no video stream"});
  const std::string chunks = test::edit_boxes(sizes, "stsc", [](std::string) { return big_endian(0) + big_endian(1) + big_endian(1) + big_endian(0xFFFFFFFF) + big_endian(1); });
  expect_refused(write("many-in-a-chunk.mp4", chunks), {"not a video", "cut short", "damaged", "cannot be decoded", "no frame", "no video stream"});
}

TEST_F(StrangeVideo, NoPictures) {
  DREAMRUNNER_NEEDS_FFMPEG();
  ASSERT_EQ(test::ffmpeg("-f lavfi -i sine=d=0.5 -c:a aac " + (folder / "sound.mp4").string()), "");
  expect_refused(folder / "sound.mp4", {"no video stream found"});
  // A cover is a picture and no film.
  ASSERT_EQ(test::ffmpeg("-f lavfi -i sine=d=0.5 -i " + (folder / "good.mp4").string() +
                         " -map 0 -map 1 -c:a libmp3lame -c:v png -frames:v 1 -disposition:v attached_pic " + (folder / "cover.mp3").string()),
            "");
  expect_refused(folder / "cover.mp3", {"no video stream found"});
  test::write_bytes(folder / "words.srt", "1\n00:00:00,000 --> 00:00:01,000\nnothing to see\n");
  expect_refused(folder / "words.srt", {"no video stream found", "not a video"});
}

TEST_F(StrangeVideo, PicturesThatChangeTheirSize) {
  DREAMRUNNER_NEEDS_FFMPEG();
  const std::string first = test::file_bytes(make("first.h264", "-c:v libx264")), second = test::file_bytes(make("second.h264", "-c:v libx264 -vf scale=64:48"));
  expect_refused(write("both.h264", first + second), {"is 64 x 48, 144 x 96 expected"});
}

TEST_F(StrangeVideo, FlippedBytes) {
  uint32_t state = 3;
  int read = 0;
  const ProcessWatch watch(60);
  for (int round = 0; round < 60; ++round) {
    std::string bytes = good;
    for (int i = 0; i < 4; ++i) {
      state = state * 1664525u + 1013904223u;
      bytes[state % bytes.size()] = static_cast<char>(state >> 20);
    }
    try {
      read += read_isolated_video(write("flipped.mp4", bytes)).info.frames == 24;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input_file) << error.what();
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("makes no sense")));
    }
  }
  EXPECT_LT(read, 60);
}

}  // namespace
}  // namespace dreamrunner
