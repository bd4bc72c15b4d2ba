// What a person, a crash or another program makes of clips.json and report.json.

#include "film/retrieved_motion.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "film/film_status.h"
#include "film/motion_clips.h"
#include "retrieved_film.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::read_bytes;
using test::RetrievedFilm;
using test::write_text;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

RetrieveFilmRequest forced() {
  RetrieveFilmRequest request;
  request.force = true;
  return request;
}

/// A file's place is taken by a folder that is not empty: whoever writes the file fails, as with a full disk.
void block(const fs::path& file) {
  fs::remove(file);
  write_text(file / "in the way", "");
}

TEST(RetrievedMotion, ARunThatCannotWriteLeavesTheListAsItWas) {
  for (const char* name : {"sheet.png", "report.json"}) {
    RetrievedFilm film;
    const std::string mine = R"({"schema": 1, "clips": [{"path": "../clips/a.mp4", "caption": "mine"}]})";
    write_text(film.folder() / "clips.json", mine);
    block(film.folder() / name);
    expect_error(ErrorKind::storage, [&] { film.retrieve(forced()); });
    EXPECT_EQ(read_bytes(film.folder() / "clips.json"), mine) << name;
  }
}

TEST(RetrievedMotion, WhatWasTakenOutIsKnownAfterACrashBetweenTheFiles) {
  RetrievedFilm film;
  film.retrieve();
  Json clips = film.clips();
  clips["clips"].erase(1);
  const std::string old_list = clips.dump();
  write_text(film.folder() / "clips.json", old_list);
  film.settings += "max_clips = 3\n";
  film.save();
  film.retrieve();
  EXPECT_THAT(film.kept(), ElementsAre("a", "c", "d"));
  const Json new_report = film.report();
  EXPECT_FALSE(new_report.contains("replaces"));
  // The report is written, the list is not.
  Json between = new_report;
  between["replaces"] = sha256_hex(old_list);
  write_text(film.folder() / "report.json", between.dump());
  write_text(film.folder() / "clips.json", old_list);
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::stale);
  EXPECT_THAT(film.kept(), ElementsAre("a", "c", "d"));
  EXPECT_EQ(film.report(), new_report);
  // Both are written, the report still says what it replaced.
  write_text(film.folder() / "report.json", between.dump());
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::fresh);
  // A person who puts the old list back is believed.
  write_text(film.folder() / "report.json", new_report.dump());
  write_text(film.folder() / "clips.json", old_list);
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::edited);
  EXPECT_EQ(read_bytes(film.folder() / "clips.json"), old_list);
}

/// The names that appear in a folder while it lives, in order; temporary ones come by renaming and are not among them.
class Arrivals {
 public:
  explicit Arrivals(const fs::path& folder) : descriptor_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) { ::inotify_add_watch(descriptor_, folder.c_str(), IN_MOVED_TO); }
  ~Arrivals() { ::close(descriptor_); }

  std::vector<std::string> names() {
    alignas(inotify_event) std::array<char, 16'384> bytes{};
    std::vector<std::string> names;
    const ssize_t size = ::read(descriptor_, bytes.data(), bytes.size());
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(&bytes[static_cast<size_t>(at)]);
      names.emplace_back(event->name);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
    return names;
  }

 private:
  int descriptor_;
};

TEST(RetrievedMotion, TheReportSaysWhatIsReplacedBeforeItIsAndNotAfterwards) {
  RetrievedFilm film;
  make_folders(film.folder());
  {
    Arrivals arrivals(film.folder());
    film.retrieve();
    EXPECT_THAT(arrivals.names(), ElementsAre("sheet.png", "report.json", "clips.json"));
  }
  Arrivals arrivals(film.folder());
  film.retrieve(forced());
  EXPECT_THAT(arrivals.names(), ElementsAre("sheet.png", "report.json", "clips.json", "report.json"));
}

TEST(RetrievedMotion, AChangedClipIsNotOneThatWasTakenOut) {
  RetrievedFilm film;
  film.retrieve();
  Json clips = film.clips();
  clips["clips"][0]["caption"] = "somebody is picking up a coin";
  clips["clips"].erase(1);
  write_text(film.folder() / "clips.json", clips.dump());
  film.retrieve(forced());
  EXPECT_THAT(film.kept(), ElementsAre("a", "c", "d", "e"));
}

TEST(RetrievedMotion, AListThatIsNoneIsRefusedAndNothingCountsAsTakenOut) {
  RetrievedFilm film;
  film.retrieve();
  film.settings += "max_clips = 3\n";
  film.save();
  for (const char* text : {"{}", "[]", "3", R"({"schema": 1, "clip": []})", R"({"schema": 1, "clips": {}})", "", "{\"clips\": ["}) {
    write_text(film.folder() / "clips.json", text);
    EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { film.retrieve(); }), HasSubstr("clips.json")) << text;
    EXPECT_EQ(read_bytes(film.folder() / "clips.json"), text);
  }
  fs::remove(film.folder() / "clips.json");
  film.retrieve();
  EXPECT_THAT(film.kept(), ElementsAre("a", "b", "c"));
}

TEST(RetrievedMotion, NonsenseInTheReportIsNoCrash) {
  RetrievedFilm film;
  film.retrieve();
  const Json good = film.report();
  const std::vector<std::function<void(Json&)>> changes = {
      [](Json& report) { report["key"] = 5; },
      [](Json& report) { report["removed"] = {5, Json::object(), {{"id", 7}}, {{"id", "a"}, {"caption", Json::array()}}}; },
      [](Json& report) { report["removed"] = "none"; },
      [](Json& report) { report["candidates"][0] = 5; },
      [](Json& report) { report["candidates"][0]["fate"] = 5; },
      [](Json& report) { report["candidates"][5]["row"] = "six"; },
      [](Json& report) { report["candidates"][5]["row"] = -1; },
      [](Json& report) { report["candidates"][5]["row"] = 1e300; },
      [](Json& report) { report["candidates"] = Json::object(); },
      [](Json& report) { report["replaces"] = Json::array(); },
      [](Json& report) { report["clips"][0]["id"] = 5; },
      [](Json& report) { report.erase("clips"); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    Json report = good;
    changes[i](report);
    write_text(film.folder() / "report.json", report.dump());
    EXPECT_NO_THROW(film.retrieve()) << "change " << i;
    EXPECT_NO_THROW(film_status(film.root())) << "change " << i;
    film.retrieve(forced());
    EXPECT_EQ(film.kept().size(), 5u) << "change " << i;
  }
  write_text(film.folder() / "report.json", "[]");
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { film.retrieve(); }), HasSubstr("report.json"));
}

TEST(RetrievedMotion, CaptionsOfAnyFormMakeAListThatCanBeRead) {
  RetrievedFilm film;
  film.library.list({{"id", "lines"}, {"path", "a.mp4"}, {"caption", "a person\nis picking up\x1b[0m"}, {"start", 0}, {"end", 2}});
  film.library.list({{"id", "long"}, {"path", "b.mp4"}, {"caption", "a person is picking up " + std::string(20'000, 'x')}, {"start", 0}, {"end", 2}});
  film.library.save();
  film.retrieve();
  ASSERT_THAT(film.kept(), Contains("lines"));
  ASSERT_THAT(film.kept(), Contains("long"));
  EXPECT_EQ(load_motion_clips(film.folder() / "clips.json", "picking-up", film.root()).clips.size(), 7u);
  // Taken out, it is known again by the caption of the list.
  Json clips = film.clips();
  clips["clips"].erase(std::find_if(clips["clips"].begin(), clips["clips"].end(), [](const Json& clip) { return clip["id"] == "lines"; }));
  write_text(film.folder() / "clips.json", clips.dump());
  film.retrieve(forced());
  EXPECT_THAT(film.kept(), ::testing::Not(Contains("lines")));
}

TEST(RetrievedMotion, AVideoThatIsWholeByNowIsLookedAtAgain) {
  RetrievedFilm film;
  const std::string whole = read_bytes(film.library.folder() / "c.mp4");
  write_text(film.library.folder() / "c.mp4", whole.substr(0, whole.size() / 2));
  film.retrieve();
  EXPECT_THAT(film.kept(), ElementsAre("a", "b", "d", "e"));
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::fresh);
  write_text(film.library.folder() / "c.mp4", whole);
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::stale);
  EXPECT_THAT(film.kept(), Contains("c"));
}

TEST(RetrievedMotion, ACatalogueOfTheSameSizeWithOtherCaptionsIsAnother) {
  RetrievedFilm film;
  film.retrieve();
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::fresh);
  std::string list = read_bytes(film.library.folder() / "list.jsonl");
  list.replace(list.find("a person is picking up"), 22, "a person is putting up");
  fs::remove_all(film.library.catalogue());
  write_text(film.library.folder() / "list.jsonl", list);
  RunContext run;
  add_clips({.folder = film.library.catalogue(), .from = film.library.folder() / "list.jsonl", .videos = film.library.folder(), .analyzer = {}, .before_step = {}}, run);
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::stale);
}

TEST(RetrievedMotion, AFolderWhoseNameIsNotUtf8IsReportedOn) {
  RetrievedFilm film;
  const fs::path moved = film.root().parent_path() / "caf\xe9";
  fs::rename(film.library.folder(), moved);
  RetrieveFilmRequest request;
  request.overrides.library.path = (moved / "catalogue").string();
  EXPECT_EQ(film.retrieve(request).motions[0].kept, 0u);
  EXPECT_EQ(film.report()["counts"]["unreadable"], 5);
}

TEST(RetrievedMotion, AStoppedRunNeedNotReadLargeVideosAgain) {
  RetrievedFilm film;
  {
    std::ofstream video(film.library.folder() / "a.mp4", std::ios::binary | std::ios::app);  // A free box at the end is passed over.
    const std::string padding = std::string("\0\x20\0\0free", 8) + std::string((2 << 20) - 8, '\0');
    video << padding;
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(3100));  // What was just written is not remembered (file_hashes.h).
  std::stop_source stop;
  film.run.stop = stop.get_token();
  film.engine.make_scorers = [&] {
    auto scorers = std::make_unique<test::ColourScorers>();
    scorers->on_detect = [&] { stop.request_stop(); };
    return scorers;
  };
  expect_error(ErrorKind::interrupted, [&] { film.retrieve(); });
  EXPECT_THAT(read_bytes(film.root() / ".dreamrunner/hashes.json"), HasSubstr("a.mp4"));
}

TEST(RetrievedMotion, AReportOnVeryManyCandidatesCanBeReadAgain) {
  RetrievedFilm film;
  film.retrieve();
  Json report = film.report();
  Json candidate = report["candidates"][0];
  candidate["caption"] = std::string(120, 'w');
  report["candidates"].get_ref<Json::array_t&>().resize(100'000, candidate);
  write_text(film.folder() / "report.json", report.dump(1));
  EXPECT_GT(fs::file_size(film.folder() / "report.json"), 64u << 20);
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::fresh);
}

TEST(RetrievedMotion, LookingNeedsNoHome) {
  RetrievedFilm film;
  const std::string home = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
  ::unsetenv("HOME");
  ::unsetenv("XDG_CACHE_HOME");
  ::unsetenv("DREAMRUNNER_CACHE");
  EXPECT_NO_THROW(film_status(film.root()));
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { film.retrieve(); }), HasSubstr("DREAMRUNNER_CACHE"));
  if (!home.empty()) ::setenv("HOME", home.c_str(), 1);
}

}  // namespace
}  // namespace dreamrunner
