#include "retrieve/retrieval.h"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "clip_library.h"
#include "retrieve/feature_cache.h"
#include "retrieve/retrieval_report.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::ClipLibrary;
using test::ColourScorers;
using test::expect_error;
using test::MadeClip;
using test::TemporaryFolder;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::array<uint8_t, 3> kGreen{0, 200, 0};
constexpr std::array<uint8_t, 3> kBlue{0, 0, 200};
/// Bowing by a third: above the paper's threshold, below a green room.
constexpr std::array<uint8_t, 3> kMixed{0, 90, 200};

/// A catalogue, scoring models, and what came of a search for "bowing".
class RetrievalTest : public ::testing::Test {
 protected:
  Retrieval search(const std::set<uint64_t>& removed = {}, const std::string& motion = "bowing") {
    library.save();
    const Catalogue catalogue(library.catalogue());
    return Retriever(catalogue, settings, models(), cache, sha256_of_file).retrieve(motion, removed, run);
  }

  ScoringModels models() {
    return {[this]() -> Scorers& {
              ++opened;
              return scorers;
            },
            "clip weights", "viclip weights", "yolov5 weights"};
  }

  /// Ids of those kept, best first.
  static std::vector<std::string> kept(const Retrieval& retrieval) {
    std::vector<std::string> ids;
    for (const size_t index : retrieval.kept) ids.push_back(retrieval.candidates[index].clip.id);
    return ids;
  }

  static const Candidate& of(const Retrieval& retrieval, const std::string& id) {
    for (const Candidate& candidate : retrieval.candidates) {
      if (candidate.clip.id == id) return candidate;
    }
    throw std::runtime_error("no candidate " + id);
  }

  void expect_fate(const Retrieval& retrieval, const std::string& id, ClipFate fate, const std::string& reason) {
    const Candidate& candidate = of(retrieval, id);
    EXPECT_STREQ(clip_fate_name(candidate.fate), clip_fate_name(fate)) << id << ": " << candidate.reason;
    EXPECT_THAT(candidate.reason, HasSubstr(reason)) << id;
  }

  TemporaryFolder folder;
  ClipLibrary library{folder / "library"};
  FeatureCache cache{folder / "cache"};
  ColourScorers scorers;
  RetrievalSettings settings;
  RunContext run;
  int opened = 0;
};

TEST_F(RetrievalTest, KeepsTheClipsThatShowTheMotionAndSaysWhyOthersAreNot) {
  for (const char* name : {"a", "b", "c", "d"}) library.add({.name = name, .caption = "a person is bowing"});
  library.add({.name = "wrong", .caption = "a person is bowing", .room = kBlue});
  library.add({.name = "short", .caption = "a person is bowing", .frames = 30});
  library.add({.name = "few", .caption = "a person is bowing", .frames = 30, .rate = 8});
  library.add({.name = "portrait", .caption = "a person is bowing", .width = 64, .height = 96});
  library.add({.name = "empty", .caption = "a person is bowing", .first = 1000});
  library.add({.name = "leaves", .caption = "a person is bowing", .frames = 96, .end = 30});
  library.list({{"id", "far-past"}, {"path", "a.mp4"}, {"caption", "a person is bowing"}, {"start", 0}, {"end", 60}});
  library.list({{"id", "slightly-past"}, {"path", "b.mp4"}, {"caption", "a person is bowing"}, {"start", 0}, {"end", 2.02}});
  library.list({{"id", "behind"}, {"path", "a.mp4"}, {"caption", "a person is bowing"}, {"start", 10}, {"end", 14}});
  library.list({{"id", "gone"}, {"path", "gone.mp4"}, {"caption", "a person is bowing"}, {"start", 0}, {"end", 3}});
  library.list({{"id", "listed-short"}, {"path", "gone.mp4"}, {"caption", "a person is bowing"}, {"start", 1}, {"end", 2.5}});
  library.list({{"id", "listed-tall"}, {"path", "gone.mp4"}, {"caption", "a person is bowing"}, {"width", 90}, {"height", 160}});
  write_file_atomic(library.folder() / "garbage.mp4", std::string(1000, 'x'));
  library.list({{"id", "garbage"}, {"path", "garbage.mp4"}, {"caption", "a person is bowing"}});
  library.add({.name = "other", .caption = "a dog sleeps"});

  const Retrieval retrieval = search();
  EXPECT_EQ(retrieval.query, "person is bowing");
  EXPECT_EQ(retrieval.text, "the person is bowing");
  EXPECT_EQ(retrieval.threshold, 0.2) << "the paper's, where the models say nothing";
  EXPECT_THAT(kept(retrieval), ElementsAre("a", "b", "c", "d", "slightly-past"));
  EXPECT_THAT(retrieval.candidates, SizeIs(17)) << "the dog's caption holds none of the words";
  expect_fate(retrieval, "wrong", ClipFate::score, "above 0.2 expected");
  expect_fate(retrieval, "short", ClipFate::attributes, "1.25 s by the list, at least 2 s expected");
  expect_fate(retrieval, "few", ClipFate::attributes, "30 frames, at least 40 expected");
  expect_fate(retrieval, "portrait", ClipFate::attributes, "64 x 96 px");
  expect_fate(retrieval, "empty", ClipFate::nobody, "nobody found in 24 frames");
  expect_fate(retrieval, "leaves", ClipFate::cut, "once cut: 1.25 s");
  expect_fate(retrieval, "gone", ClipFate::missing, "no video of");
  expect_fate(retrieval, "listed-short", ClipFate::attributes, "1.50 s by the list");
  expect_fate(retrieval, "listed-tall", ClipFate::attributes, "by the list");
  expect_fate(retrieval, "far-past", ClipFate::unreadable, "60");
  expect_fate(retrieval, "behind", ClipFate::unreadable, "no picture from 10 s on");
  expect_fate(retrieval, "garbage", ClipFate::unreadable, "garbage.mp4");
  const Candidate& a = of(retrieval, "a");
  EXPECT_THAT(*a.clip_score, Gt(0.9));
  EXPECT_NEAR(*a.score, (*a.clip_score + *a.viclip_score) / 2, 1e-12);
  EXPECT_EQ(a.looks, 24) << "12 a second";
  EXPECT_EQ(a.seen, 24);
  EXPECT_EQ(a.people, 1);
  EXPECT_EQ(a.left->frames, 48) << "nothing is cut from a clip with somebody in every frame";
  EXPECT_EQ(fates_of(retrieval).at(ClipFate::kept), 5);
}

TEST_F(RetrievalTest, CutsClipsToWhereThePersonIs) {
  library.add({.name = "late", .caption = "a person is bowing", .frames = 120, .first = 48});
  settings.least = 1;
  const Retrieval retrieval = search();
  const Candidate& late = of(retrieval, "late");
  EXPECT_EQ(late.fate, ClipFate::kept) << late.reason;
  EXPECT_EQ(late.first_frame, 48);
  EXPECT_EQ(late.end_frame, 120);
  EXPECT_NEAR(late.start_s, 47.5 / 24, 1e-4) << "between two frames, so that rounding loses none";
  EXPECT_EQ(late.end_s, 5.0) << "as listed";

  settings.cut.mode = CutMode::off;
  EXPECT_EQ(of(search(), "late").left->frames, 120);

  settings.cut.mode = CutMode::crop;
  const Retrieval cropped = search();
  const Candidate& crop = of(cropped, "late");
  ASSERT_TRUE(crop.crop);
  EXPECT_LT(crop.left->width, 96);
  EXPECT_GE(static_cast<double>(crop.left->width) / crop.left->height, 0.9);
  EXPECT_EQ(scorers.clip_widths.back(), crop.left->width) << "what is scored is what is kept";
}

TEST_F(RetrievalTest, KeepsTheBestByRankWhereFewPass) {
  library.add({.name = "good", .caption = "a person is bowing"});
  for (const char* name : {"p", "q", "r", "s", "t"}) library.add({.name = name, .caption = "a person is bowing", .room = kBlue});
  const Retrieval retrieval = search();
  EXPECT_THAT(kept(retrieval), SizeIs(4));
  EXPECT_EQ(kept(retrieval).front(), "good");
  expect_fate(retrieval, kept(retrieval)[1], ClipFate::kept, "below 0.2, kept since only 1 passed");
  EXPECT_THAT(retrieval.notes, Contains(HasSubstr("1 of 6 clips passed 0.2, the best has")));
  EXPECT_THAT(retrieval.dropped_best, SizeIs(2));
}

TEST_F(RetrievalTest, KeepsAtMostTheBestTwenty) {
  for (int i = 0; i < 6; ++i) library.add({.name = fmt::format("mixed{}", i), .caption = "a person is bowing", .room = kMixed});
  for (int i = 0; i < 3; ++i) library.add({.name = fmt::format("green{}", i), .caption = "a person is slowly bowing", .room = kGreen});
  settings.most = 5;
  const Retrieval retrieval = search();
  EXPECT_THAT(kept(retrieval), ElementsAre("green0", "green1", "green2", "mixed0", "mixed1")) << "by score, equal ones by rank";
  expect_fate(retrieval, "mixed4", ClipFate::surplus, "5 are better");
}

TEST_F(RetrievalTest, WithoutScoresTheFirstByCaptionAreKept) {
  library.add({.name = "wrong", .caption = "person is bowing", .room = kBlue});
  for (const char* name : {"a", "b", "c"}) library.add({.name = name, .caption = "a person is bowing in a garden"});
  settings.score = false;
  settings.most = 2;
  const Retrieval retrieval = search();
  EXPECT_THAT(kept(retrieval), ElementsAre("wrong", "a"));
  expect_fate(retrieval, "c", ClipFate::surplus, "2 come before it");
  EXPECT_EQ(scorers.clip_calls + scorers.viclip_calls, 0);
  EXPECT_EQ(scorers.looked, 48) << "those that nobody needs are not looked at";
  EXPECT_FALSE(retrieval.threshold);
}

TEST_F(RetrievalTest, ThresholdsAreTheModelsOwnOrThePersons) {
  library.add({.name = "mixed", .caption = "a person is bowing", .room = kMixed});
  settings.least = 0;
  EXPECT_THAT(kept(search()), ElementsAre("mixed"));
  scorers.told().threshold = 0.7;
  EXPECT_THAT(kept(search()), IsEmpty());
  settings.threshold = 0.3;
  EXPECT_THAT(kept(search()), ElementsAre("mixed"));
}

TEST_F(RetrievalTest, WhatWasSeenIsRemembered) {
  for (const char* name : {"a", "b"}) library.add({.name = name, .caption = "a person is bowing, then waving"});
  const Retrieval first = search();
  const int looked = scorers.looked, clip = scorers.clip_calls, viclip = scorers.viclip_calls;
  EXPECT_EQ(clip, 2);
  EXPECT_EQ(report_of(search()), report_of(first)) << "remembered numbers are the same numbers";
  EXPECT_EQ(scorers.looked, looked);
  EXPECT_EQ(scorers.clip_calls, clip);
  EXPECT_EQ(scorers.viclip_calls, viclip);
  EXPECT_THAT(search({}, "waving").candidates, SizeIs(2));
  EXPECT_EQ(scorers.clip_calls, clip) << "another text needs no other features";
  settings.looks_per_s = 6;
  search();
  EXPECT_EQ(scorers.looked, looked + 24) << "other settings are other looks";
  // Garbage in the cache is looked at again, not believed.
  for (const auto& entry : fs::recursive_directory_iterator(cache.folder())) {
    if (entry.is_regular_file()) write_file_atomic(entry.path(), "{\"inputs\": 3}");
  }
  EXPECT_EQ(report_of(search())["candidates"][0]["score"], report_of(first)["candidates"][0]["score"]);
  EXPECT_GT(scorers.clip_calls, clip);
}

TEST_F(RetrievalTest, AnInterruptedRunLosesOneClipsWork) {
  for (int i = 0; i < 6; ++i) library.add({.name = fmt::format("c{}", i), .caption = "a person is bowing"});
  std::stop_source stop;
  run.stop = stop.get_token();
  scorers.on_detect = [&] {
    if (scorers.looked > 3 * 24) stop.request_stop();
  };
  expect_error(ErrorKind::interrupted, [&] { search(); });
  scorers.on_detect = {};
  run.stop = {};
  EXPECT_THAT(kept(search()), SizeIs(6));
  EXPECT_LE(scorers.looked, 6 * 24 + 24) << "at most one clip was looked at twice";
}

TEST_F(RetrievalTest, ClipsTakenOutByHandStayOut) {
  for (const char* name : {"a", "b", "c"}) library.add({.name = name, .caption = "a person is bowing"});
  const Retrieval retrieval = search({1});
  EXPECT_THAT(kept(retrieval), ElementsAre("a", "c"));
  expect_fate(retrieval, "b", ClipFate::removed, "by hand");
}

TEST_F(RetrievalTest, OfTwoPeopleTheOneWhoseCropScoresHigherIsKept) {
  // The left half is blue and holds one person from beginning to end; the right half is green and holds another.
  const int width = 192, height = 64, frames = 60;
  std::vector<uint8_t> pixels;
  for (int f = 0; f < frames; ++f) {
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        if (x < width / 2) {
          pixels.insert(pixels.end(), {0, 0, 200});
        } else {
          pixels.insert(pixels.end(), {0, 200, 0});
        }
      }
    }
  }
  make_folders(library.folder());
  write_video(library.folder() / "two.mp4", {frames, height, width, pixels.data()}, {.rate = {24, 1}});
  library.list({{"id", "two"}, {"path", "two.mp4"}, {"caption", "a person is bowing"}});
  /// Sees two people wherever it looks.
  class TwoPeople : public ColourScorers {
   public:
    std::vector<Detection> detect(const SceneFrames& seen, const DetectionSettings&) override {
      std::vector<Detection> found;
      for (int f = 0; f < seen.frames; ++f) {
        found.push_back({.frame = f, .x0 = 30, .y0 = 10, .x1 = 60, .y1 = 50, .score = 0.9f});
        found.push_back({.frame = f, .x0 = 130, .y0 = 10, .x1 = 160, .y1 = 50, .score = 0.8f});
      }
      return found;
    }
  } two_people;
  settings.cut.mode = CutMode::crop;
  settings.least = 0;
  library.save();
  const Catalogue catalogue(library.catalogue());
  const ScoringModels seers{[&]() -> Scorers& { return two_people; }, "c", "v", "y"};
  const Retrieval retrieval = Retriever(catalogue, settings, seers, cache, sha256_of_file).retrieve("bowing", {}, run);
  ASSERT_THAT(kept(retrieval), ElementsAre("two"));
  EXPECT_EQ(retrieval.candidates[0].people, 2);
  ASSERT_TRUE(retrieval.candidates[0].crop);
  EXPECT_GE(retrieval.candidates[0].crop->left, 0.5) << "the one in the green half";
}

TEST_F(RetrievalTest, OtherSubjectsThanPeople) {
  library.add({.name = "dog", .caption = "a dog is bowing"});
  settings.subject = "dog";
  settings.least = 1;
  Retrieval retrieval = search();
  EXPECT_EQ(retrieval.query, "dog is bowing");
  EXPECT_THAT(scorers.texts, Contains("the dog is bowing"));
  EXPECT_THAT(retrieval.notes, Contains(HasSubstr("the detector does not know \"dog\"")));
  scorers.told().labels = {"person", "cat", "dog"};
  settings.looks_per_s = 10;
  retrieval = search();
  EXPECT_THAT(scorers.labels, ElementsAre(2)) << "the detector's class of that name";
}

TEST_F(RetrievalTest, AVideoThatMayNotBeReadDropsItsClip) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  for (const char* name : {"a", "b"}) library.add({.name = name, .caption = "a person is bowing"});
  fs::permissions(library.folder() / "a.mp4", fs::perms::none);
  const Retrieval retrieval = search();
  expect_fate(retrieval, "a", ClipFate::unreadable, "no permission to read it");
  EXPECT_THAT(kept(retrieval), ElementsAre("b"));
}

TEST_F(RetrievalTest, NothingIsFoundWhereNoCaptionSpeaksOfIt) {
  library.add({.name = "a", .caption = "a person is sleeping"});
  const Retrieval retrieval = search({}, "bowing down");
  EXPECT_THAT(retrieval.candidates, IsEmpty()) << "\"person is\" finds everybody, and says nothing of the motion";
  EXPECT_THAT(retrieval.notes, ElementsAre(HasSubstr("no caption holds a word of \"bowing down\"")));
  EXPECT_EQ(opened, 0) << "no model is opened for nothing";
}

TEST_F(RetrievalTest, RefusesToWorkWithoutTheModelsItNeeds) {
  library.add({.name = "a", .caption = "a person is bowing"});
  library.save();
  const Catalogue catalogue(library.catalogue());
  ScoringModels none{[]() -> Scorers& { throw std::runtime_error("opened"); }, "", "", ""};
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { Retriever(catalogue, settings, none, cache, sha256_of_file); }), HasSubstr("--cut off"));
  settings.cut.mode = CutMode::off;
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { Retriever(catalogue, settings, none, cache, sha256_of_file); }), HasSubstr("--no-clip-filter"));
  settings.score = false;
  EXPECT_THAT(kept(Retriever(catalogue, settings, none, cache, sha256_of_file).retrieve("bowing", {}, run)), ElementsAre("a"));
}

TEST_F(RetrievalTest, MissingVideosAreTold) {
  library.add({.name = "there", .caption = "a person is bowing"});
  library.list({{"YoutubeID", "-x5Yq"}, {"caption", "a person is bowing"}, {"start", 10}, {"end", 14}});
  library.list({{"YoutubeID", "tooShort"}, {"caption", "a person is bowing"}, {"start", 10}, {"end", 11}});
  library.save();
  const Catalogue catalogue(library.catalogue());
  const std::vector<Candidate> missing = missing_candidates(catalogue, settings, "bowing");
  ASSERT_THAT(missing, SizeIs(1));
  EXPECT_EQ(missing[0].clip.source, "-x5Yq");
}

TEST_F(RetrievalTest, TheSheetShowsKeptClipsAndTheBestOfTheOthers) {
  for (const char* name : {"a", "b", "c", "d"}) library.add({.name = name, .caption = "a person is bowing"});
  library.add({.name = "wrong", .caption = "a person is bowing", .room = kBlue});
  const Retrieval retrieval = search();
  const Picture sheet = draw_retrieval(retrieval, run);
  EXPECT_GT(sheet.width, 1000);
  int green = 0, blue = 0;
  for (size_t i = 0; i < sheet.rgb.size(); i += 3) {
    green += sheet.rgb[i] < 40 && sheet.rgb[i + 1] > 160 && sheet.rgb[i + 2] < 40;
    blue += sheet.rgb[i] < 40 && sheet.rgb[i + 1] < 40 && sheet.rgb[i + 2] > 160;
  }
  EXPECT_GT(green, 4 * 4 * 144 * 96 / 2) << "four clips of four pictures, less the person and what the shape leaves over";
  EXPECT_GT(blue, 4 * 144 * 96 / 2);
  // A video that is gone by then leaves its place empty.
  fs::remove(library.folder() / "a.mp4");
  EXPECT_EQ(draw_retrieval(retrieval, run).height, sheet.height);
}

}  // namespace
}  // namespace dreamrunner
