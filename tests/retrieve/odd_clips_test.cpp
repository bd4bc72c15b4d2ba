// Clips, lists and memories that are not as one would have them: what comes of them, and of the run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "clip_library.h"
#include "media/media_support.h"
#include "retrieve/feature_cache.h"
#include "retrieve/retrieval.h"
#include "retrieve/retrieval_report.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::ClipLibrary;
using test::ColourScorers;
using test::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class OddClips : public ::testing::Test {
 protected:
  Retrieval search() {
    const Catalogue catalogue(library.catalogue());
    const ScoringModels models{[this]() -> Scorers& { return scorers; }, "clip weights", "viclip weights", "yolov5 weights"};
    return Retriever(catalogue, settings, models, cache, sha256_of_file).retrieve("bowing", {}, run);
  }

  /// The one file of the cache that holds what was seen of "look".
  fs::path remembered_look() const {
    for (const auto& entry : fs::recursive_directory_iterator(cache.folder())) {
      if (entry.is_regular_file() && read_json_file(entry.path())["inputs"]["what"] == "look") return entry.path();
    }
    throw std::runtime_error("no look");
  }

  void change_look(const std::function<void(Json&)>& change) const {
    Json entry = read_json_file(remembered_look());
    change(entry["value"]);
    write_file_atomic(remembered_look(), entry.dump());
  }

  TemporaryFolder folder;
  ClipLibrary library{folder / "library"};
  FeatureCache cache{folder / "cache"};
  ColourScorers scorers;
  RetrievalSettings settings;
  RunContext run;
};

TEST_F(OddClips, MemoriesThatMakeNoSenseAreNotBelieved) {
  library.add({.name = "a", .caption = "a person is bowing"});
  library.save();
  const Json good = report_of(search());
  ASSERT_EQ(good["candidates"][0]["fate"], "kept");
  const std::vector<std::function<void(Json&)>> changes = {
      [](Json& look) { look["times"] = Json::array(); },
      [](Json& look) { look["times"][3] = -5; },
      [](Json& look) { look["looks"].back() = 4711; },
      [](Json& look) { look["looks"][0] = -1; },
      [](Json& look) { look["looks"][2] = look["looks"][1]; },
      [](Json& look) { look["detections"][0][0] = 99; },
      [](Json& look) { look["detections"][0][0] = -1; },
      [](Json& look) { look["width"] = 0; },
      [](Json& look) { look["rate"] = -1; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    change_look(changes[i]);
    const int looked = scorers.looked;
    EXPECT_EQ(report_of(search()), good) << "change " << i;
    EXPECT_GT(scorers.looked, looked) << "change " << i << ": it is looked at again";
  }
}

TEST_F(OddClips, ALengthThatNoTimeCanHoldIsLongEnough) {
  library.add({.name = "a", .caption = "a person is bowing"});
  library.save();
  search();
  change_look([](Json& look) { look["rate"] = 1e-9; });
  const Retrieval found = search();
  EXPECT_EQ(found.candidates[0].fate, ClipFate::kept) << found.candidates[0].reason;
}

TEST_F(OddClips, AVideoThatBreaksBetweenTwoPeopleIsNotKeptForTheFirst) {
  // Two people, one after the other; when the first was scored the video is gone.
  const int frames = 120;
  std::vector<uint8_t> pixels = test::pixels_of({.name = "two", .caption = "", .frames = frames, .first = 0, .end = 60});
  const std::vector<uint8_t> second = test::pixels_of({.name = "two", .caption = "", .frames = frames, .first = 72});
  const size_t frame_bytes = pixels.size() / frames;
  std::copy(second.begin() + static_cast<std::ptrdiff_t>(72 * frame_bytes), second.end(), pixels.begin() + static_cast<std::ptrdiff_t>(72 * frame_bytes));
  VideoOptions options;
  options.rate = {24, 1};
  make_folders(library.folder());
  write_video(library.folder() / "two.mp4", {frames, 64, 96, pixels.data()}, options);
  library.list({{"id", "two"}, {"path", "two.mp4"}, {"caption", "a person is bowing"}, {"start", 0.0}, {"end", 5.0}});
  library.save();
  settings.cut.tracks.longest_gap_s = 0.2;
  settings.limits.least_s = 1;
  settings.limits.least_frames = 10;
  ASSERT_EQ(search().candidates[0].people, 2);
  fs::remove_all(cache.folder());
  struct Breaker : ColourScorers {
    std::function<void()> on_clip;
    Embeddings clip_frames(const SceneFrames& all) override {
      on_clip();
      return ColourScorers::clip_frames(all);
    }
  } breaker;
  breaker.on_clip = [&] { write_file_atomic(library.folder() / "two.mp4", "no video any more"); };
  const Catalogue catalogue(library.catalogue());
  const ScoringModels models{[&]() -> Scorers& { return breaker; }, "clip weights", "viclip weights", "yolov5 weights"};
  const Retrieval found = Retriever(catalogue, settings, models, cache, sha256_of_file).retrieve("bowing", {}, run);
  EXPECT_STREQ(clip_fate_name(found.candidates[0].fate), "unreadable");
  EXPECT_THAT(found.kept, SizeIs(0));
}

TEST_F(OddClips, APictureThatStaysForSecondsDoesNotEndTheVideo) {
  DREAMRUNNER_NEEDS_FFMPEG();
  // 60 pictures at 24 a second, of which the last two stay for 2 s each: the list's span ends while one of them is shown.
  test::write_clip(library.folder(), {.name = "even", .caption = "", .frames = 60});
  const std::string made = test::ffmpeg(fmt::format("-i {} -vf \"setpts='if(lt(N,58),N,58+(N-58)*48)/(24*TB)'\" -vsync vfr -enc_time_base 1:1200 -c:v libx264 -crf 8 {}",
                                                    (library.folder() / "even.mp4").string(), (library.folder() / "slides.mp4").string()));
  ASSERT_EQ(made, "");
  library.list({{"id", "within"}, {"path", "slides.mp4"}, {"caption", "a person is bowing"}, {"start", 0}, {"end", 4}});
  library.list({{"id", "past"}, {"path", "slides.mp4"}, {"caption", "a person is bowing"}, {"start", 0}, {"end", 30}});
  library.save();
  const Retrieval found = search();
  ASSERT_THAT(found.candidates, SizeIs(2));
  EXPECT_STREQ(clip_fate_name(found.candidates[0].fate), "kept") << found.candidates[0].reason;
  EXPECT_STREQ(clip_fate_name(found.candidates[1].fate), "unreadable");
  EXPECT_THAT(found.candidates[1].reason, HasSubstr("the clip ends at 30 s"));
}

TEST_F(OddClips, AVideoOfVaryingRateIsAsLongAsItIsShown) {
  DREAMRUNNER_NEEDS_FFMPEG();
  // 48 pictures, four of them for 1/60 s and the others for 1/15 s: 3 s, of which 60 pictures a second would make 0.8 s.
  test::write_clip(library.folder(), {.name = "even", .caption = ""});
  for (const char* name : {"varies.mp4", "varies.mkv"}) {
    ASSERT_EQ(test::ffmpeg(fmt::format("-i {} -vf \"setpts='if(lt(N,4),N/60,4/60+(N-4)/15)/TB'\" -vsync vfr -enc_time_base 1:60 -c:v libx264 -crf 8 {}",
                                       (library.folder() / "even.mp4").string(), (library.folder() / name).string())),
              "");
    library.list({{"id", name}, {"path", name}, {"caption", "a person is bowing"}});
  }
  library.save();
  const Retrieval found = search();
  ASSERT_THAT(found.candidates, SizeIs(2));
  for (const Candidate& candidate : found.candidates) {
    EXPECT_STREQ(clip_fate_name(candidate.fate), "kept") << candidate.reason;
    EXPECT_NEAR(candidate.whole->seconds(), 3.0, 0.07);
  }
}

TEST_F(OddClips, AClipOfJustTheLeastLengthIsNotTooShortByTheRoundingOfItsTimes) {
  DREAMRUNNER_NEEDS_FFMPEG();
  // Matroska counts milliseconds: the last of 48 frames at 24 a second begins at 1.958 s, not at 1.958333 s.
  test::write_clip(library.folder(), {.name = "even", .caption = ""});
  ASSERT_EQ(test::ffmpeg(fmt::format("-i {} -c copy {}", (library.folder() / "even.mp4").string(), (library.folder() / "two.mkv").string())), "");
  library.list({{"id", "two"}, {"path", "two.mkv"}, {"caption", "a person is bowing"}});
  library.save();
  const Retrieval found = search();
  EXPECT_STREQ(clip_fate_name(found.candidates[0].fate), "kept") << found.candidates[0].reason;
  EXPECT_DOUBLE_EQ(found.candidates[0].whole->seconds(), 2.0);
}

TEST_F(OddClips, AVideoWhoseNameIsNotUtf8IsDroppedSinceNoListCanNameIt) {
  const std::string name = "caf\xe9";
  const fs::path odd = folder / name;
  ClipLibrary there(odd);
  there.add({.name = "a", .caption = "a person is bowing"});
  there.save();
  const Catalogue catalogue(there.catalogue());
  const ScoringModels models{[this]() -> Scorers& { return scorers; }, "clip weights", "viclip weights", "yolov5 weights"};
  const Retrieval found = Retriever(catalogue, settings, models, cache, sha256_of_file).retrieve("bowing", {}, run);
  ASSERT_THAT(found.candidates, SizeIs(1));
  EXPECT_STREQ(clip_fate_name(found.candidates[0].fate), "unreadable");
  EXPECT_THAT(found.candidates[0].reason, HasSubstr("not UTF-8"));
}

TEST_F(OddClips, WhereNoneIsToBeKeptBelowTheThresholdTheBestIsTold) {
  library.add({.name = "blue", .caption = "a person is bowing", .room = {0, 0, 200}});
  library.save();
  settings.least = 0;
  settings.threshold = 0.9;
  const Retrieval found = search();
  EXPECT_THAT(found.kept, SizeIs(0));
  EXPECT_THAT(found.notes, ::testing::ElementsAre(HasSubstr("0 of 1 clips passed 0.9, the best has ")));
}

TEST_F(OddClips, DrawingTheSheetReportsHowFarItIsAndStopsWhenTold) {
  struct Listener : Progress {
    void begin(std::string_view stage, int64_t all) override {
      stages.emplace_back(stage);
      total = all;
    }
    void advance(int64_t steps) override {
      done = steps;
      if (at_step) at_step();
    }
    std::vector<std::string> stages;
    std::function<void()> at_step;
    int64_t total = 0, done = 0;
  } listener;
  for (const char* name : {"a", "b", "c"}) library.add({.name = name, .caption = "a person is bowing"});
  library.save();
  const Retrieval found = search();
  std::stop_source stop;
  run.progress = &listener;
  run.stop = stop.get_token();
  draw_retrieval(found, run);
  EXPECT_THAT(listener.stages, ::testing::ElementsAre("motion bowing: drawing the sheet"));
  EXPECT_EQ(listener.done, 3);
  EXPECT_EQ(listener.total, 3);
  listener.at_step = [&] { stop.request_stop(); };
  test::expect_error(ErrorKind::interrupted, [&] { draw_retrieval(found, run); });
  EXPECT_EQ(listener.done, 1);
}

TEST(RetrievalSheet, ShowsAsManyAsAPictureCanHold) {
  Retrieval many;
  many.motion = "bowing";
  many.candidates.resize(1000);
  for (size_t i = 0; i < many.candidates.size(); ++i) {
    many.candidates[i].fate = ClipFate::kept;
    many.kept.push_back(i);
  }
  const Picture sheet = draw_retrieval(many, {});
  EXPECT_GT(sheet.height, 10'000);
  EXPECT_LT(sheet.height, 32'768) << "more than a picture can have";
}

TEST(ListedCaption, IsOneLineWithoutControlCharacters) {
  EXPECT_EQ(listed_caption("a person\r\n  is\tbowing \n"), "a person is bowing");
  EXPECT_EQ(listed_caption("a \x1b[31mred\x7f person"), "a [31mred person");
  EXPECT_EQ(listed_caption("plain"), "plain");
  const std::string cut = listed_caption(std::string(16'383, 'a') + "é and more");
  EXPECT_EQ(cut, std::string(16'383, 'a')) << "no half character";
  EXPECT_EQ(listed_caption(std::string(16'384, 'b') + "b").size(), 16'384u);
}

}  // namespace
}  // namespace dreamrunner
