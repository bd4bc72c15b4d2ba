#include "film/motion_clips.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "small_film.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using ::testing::HasSubstr;

class MotionClipsFile : public ::testing::Test {
 protected:
  MotionClipsFile() {
    test::write_text(folder_ / "film/motions/bowing/one.mp4", "a clip");
    test::write_text(folder_ / "film/two.mp4", "another clip");
    fs::create_directory(folder_ / "film/folder.mp4");
  }
  MotionClips load(const std::string& text) const {
    test::write_text(file(), text);
    return load_motion_clips(file(), "bowing", folder_ / "film");
  }
  fs::path file() const { return folder_ / "film/motions/bowing/clips.json"; }
  test::TemporaryFolder folder_;
};

TEST_F(MotionClipsFile, ReadsWhatIsSaidAndPassesOverTheRest) {
  const MotionClips clips = load(R"({"schema": 1, "motion": "Bowing", "query": "person is bowing", "clips": [
    {"path": "one.mp4", "start": 1, "end": 3.5, "caption": "a man is bowing", "crop": [0, 0.25, 0.5, 1], "score": 0.3, "kept": true},
    {"path": "two.mp4", "caption": "a woman bows", "start": null, "crop": null}]})");
  EXPECT_EQ(clips.motion, "bowing");
  ASSERT_EQ(clips.clips.size(), 2u);
  EXPECT_EQ(clips.clips[0].file, folder_ / "film/motions/bowing/one.mp4") << "seen from the file's folder";
  EXPECT_EQ(clips.clips[0].caption, "a man is bowing");
  EXPECT_EQ(clips.clips[0].start_s, 1);
  EXPECT_EQ(clips.clips[0].end_s, 3.5);
  EXPECT_EQ(clips.clips[0].crop, (Box{0, 0.25, 0.5, 1}));
  EXPECT_EQ(clips.clips[1].file, folder_ / "film/two.mp4") << "else seen from the film";
  EXPECT_FALSE(clips.clips[1].start_s || clips.clips[1].end_s || clips.clips[1].crop);
}

TEST_F(MotionClipsFile, TheMotionIsTheFoldersInWords) {
  test::write_text(folder_ / "film/motions/picking-up/clips.json", R"({"schema": 1, "clips": []})");
  EXPECT_EQ(load_motion_clips(folder_ / "film/motions/picking-up/clips.json", "picking-up", folder_ / "film").motion, "picking up");
  test::write_text(folder_ / "film/motions/picking-up/clips.json", R"({"schema": 1, "motion": "Picking  up", "clips": []})");
  EXPECT_EQ(load_motion_clips(folder_ / "film/motions/picking-up/clips.json", "picking-up", folder_ / "film").motion, "picking up");
}

TEST_F(MotionClipsFile, AbsolutePathsAreTaken) {
  EXPECT_EQ(load(Json{{"schema", 1}, {"clips", {{{"path", (folder_ / "film/two.mp4").string()}, {"caption", "x"}}}}}.dump()).clips[0].file, folder_ / "film/two.mp4");
}

TEST_F(MotionClipsFile, EveryFaultIsRefusedWithFileAndPlace) {
  const auto clip = [](const std::string& members) { return R"({"schema": 1, "clips": [{"path": "one.mp4", "caption": "x"}, {)" + members + "}]}"; };
  const std::vector<std::pair<std::string, std::string>> faults = {
      {"", "clips.json"},
      {"{\"schema\": 1, \"clips\": [", "clips.json"},
      {R"({"schema": 1, "schema": 1, "clips": []})", "schema"},
      {"[]", "found array, an object expected"},
      {R"({"clips": []})", "schema: missing, 1 expected"},
      {R"({"schema": 2, "clips": []})", "schema: found 2, 1 expected"},
      {R"({"schema": "1", "clips": []})", "schema: found \"1\", 1 expected"},
      {R"({"schema": 1})", "clips: missing, a list expected"},
      {R"({"schema": 1, "clips": {}})", "clips: found object, a list expected"},
      {R"({"schema": 1, "motion": "walking", "clips": []})", "motion: found \"walking\", \"bowing\" expected"},
      {R"({"schema": 1, "motion": 3, "clips": []})", "motion: found 3, a text expected"},
      {R"({"schema": 1, "clips": ["one.mp4"]})", "clips[0]: found string, an object expected"},
      {clip(R"("caption": "x")"), "clips[1].path: missing"},
      {clip(R"("path": 4, "caption": "x")"), "clips[1].path: found 4, a text expected"},
      {clip(R"("path": "", "caption": "x")"), "clips[1].path: found a path that is empty"},
      {clip(R"("path": "one\u0000.mp4", "caption": "x")"), "clips[1].path: found a path that is empty, too long or holds control characters"},
      {clip(R"("path": "three.mp4", "caption": "x")"), "clips[1].path: three.mp4: no such file"},
      {clip(R"("path": "folder.mp4", "caption": "x")"), "folder.mp4: not a regular file"},
      {clip(R"("path": "one.mp4")"), "clips[1].caption: missing"},
      {clip(R"("path": "one.mp4", "caption": "  ")"), "clips[1].caption: found a caption that is blank"},
      {clip(R"("path": "one.mp4", "caption": "a\nb")"), "clips[1].caption: found a caption that is blank, too long, no UTF-8 or holds control characters"},
      {clip(R"("path": "one.mp4", "caption": "x", "start": "0:01")"), "clips[1].start: found \"0:01\", seconds expected"},
      {clip(R"("path": "one.mp4", "caption": "x", "start": -1)"), "clips[1].start: found -1"},
      {clip(R"("path": "one.mp4", "caption": "x", "start": 2, "end": 2)"), "clips[1].end: found 2, more than the start, which is 2, expected"},
      {clip(R"("path": "one.mp4", "caption": "x", "end": 1e300)"), "clips[1].end: found 1e+300"},
      {clip(R"("path": "one.mp4", "caption": "x", "crop": [0, 0, 1])"), "clips[1].crop: found [0,0,1], [left, top, right, bottom] expected"},
      {clip(R"("path": "one.mp4", "caption": "x", "crop": [0.5, 0, 0.5, 1])"), "clips[1].crop: found [0.5,0,0.5,1]"},
      {clip(R"("path": "one.mp4", "caption": "x", "crop": [0, 0, 720, 480])"), "not in pixels"},
  };
  for (const auto& [text, words] : faults) {
    const std::string line = expect_error(ErrorKind::input_file, [&] { load(text); });
    EXPECT_THAT(line, HasSubstr(file().string())) << text;
    EXPECT_THAT(line, HasSubstr(words)) << text;
  }
}

TEST_F(MotionClipsFile, AListBeyondMeasureIsRefused) {
  Json json = {{"schema", 1}, {"clips", Json::array()}};
  for (int i = 0; i < 1001; ++i) json["clips"].push_back({{"path", "one.mp4"}, {"caption", "x"}});
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { load(json.dump()); }), HasSubstr("found 1001, at most 1000 expected"));
}

}  // namespace
}  // namespace dreamrunner
