// Clips retrieved for a film's motions: what is written, what is left alone, what makes them stale, and films made of them.

#include "film/retrieve_film.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
using test::tree_of;
using test::write_text;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

RetrieveFilmRequest forced() {
  RetrieveFilmRequest request;
  request.force = true;
  return request;
}

TEST(RetrieveFilm, WritesClipsThatPriorsAreLearntFrom) {
  RetrievedFilm film;
  const RetrieveFilmResult result = film.retrieve();
  ASSERT_THAT(result.motions, SizeIs(1)) << "walking and jumping are known to the model";
  EXPECT_EQ(result.motions[0].motion, "picking up");
  EXPECT_TRUE(result.motions[0].retrieved);
  EXPECT_EQ(result.motions[0].kept, 5u);
  EXPECT_EQ(result.motions[0].fates.at(ClipFate::missing), 1);
  EXPECT_THAT(film.kept(), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_TRUE(fs::is_regular_file(film.folder() / "sheet.png"));
  const Json report = film.report();
  EXPECT_EQ(report["schema"], 1);
  EXPECT_EQ(report["query"], "person is picking up");
  EXPECT_THAT(report["candidates"], SizeIs(6));
  EXPECT_EQ(report["candidates"][5]["fate"], "missing");
  const MotionClips learnt = load_motion_clips(film.folder() / "clips.json", "picking-up", film.root());
  EXPECT_THAT(learnt.clips, SizeIs(5));
  EXPECT_EQ(learnt.clips[0].caption, "a person is picking up");
  // Nothing is done twice.
  const auto before = tree_of(film.folder());
  const int opened = film.engine.use.scorers_opened;
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::fresh);
  EXPECT_EQ(tree_of(film.folder()), before);
  EXPECT_EQ(film.engine.use.scorers_opened, opened);
}

TEST(RetrieveFilm, AListThatIsWrittenMeanwhileIsLeftAlone) {
  RetrievedFilm film;
  film.engine.make_scorers = [&]() -> std::unique_ptr<Scorers> {
    write_text(film.folder() / "clips.json", "mine");
    return std::make_unique<test::SyntheticScorers>();
  };
  const RetrieveFilmResult result = film.retrieve();
  EXPECT_EQ(read_bytes(film.folder() / "clips.json"), "mine");
  EXPECT_FALSE(fs::exists(film.folder() / "report.json")) << "so it counts as written by hand";
  EXPECT_FALSE(result.motions[0].retrieved);
  EXPECT_THAT(result.motions[0].notes, Contains(HasSubstr("was changed while clips were looked for")));
}

TEST(RetrieveFilm, ClipsTakenOutByHandStayOut) {
  RetrievedFilm film;
  film.retrieve();
  Json clips = film.clips();
  clips["clips"].erase(1);
  write_text(film.folder() / "clips.json", clips.dump());
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::fresh) << "what a person wants is what there is";
  EXPECT_THAT(film.kept(), ElementsAre("a", "c", "d", "e"));
  film.retrieve(forced());
  EXPECT_THAT(film.kept(), ElementsAre("a", "c", "d", "e"));
  film.retrieve(forced());
  EXPECT_THAT(film.kept(), ElementsAre("a", "c", "d", "e")) << "also the next time";
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::fresh);
  // New settings make it stale; what was taken out stays out.
  film.settings += "max_clips = 3\n";
  film.save();
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::stale);
  EXPECT_THAT(film.kept(), ElementsAre("a", "c", "d"));
}

TEST(RetrieveFilm, WhatAPersonWroteIsLeftAlone) {
  RetrievedFilm film;
  film.retrieve();
  Json clips = film.clips();
  clips["clips"][0]["caption"] = "somebody is picking up a coin";
  write_text(film.folder() / "clips.json", clips.dump());
  const RetrieveFilmResult edited = film.retrieve();
  EXPECT_EQ(edited.motions[0].before, ClipsStanding::edited);
  EXPECT_THAT(edited.motions[0].notes, ElementsAre(HasSubstr("edited")));
  EXPECT_EQ(film.clips(), clips);
  fs::remove(film.folder() / "report.json");
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::by_hand);
  EXPECT_EQ(film.clips(), clips);
  EXPECT_TRUE(film.retrieve(forced()).motions[0].retrieved);
  EXPECT_THAT(film.kept(), ElementsAre("a", "b", "c", "d", "e"));
}

TEST(RetrieveFilm, KeysInAnotherOrderAreNoChange) {
  RetrievedFilm film;
  film.retrieve();
  write_text(film.folder() / "clips.json", nlohmann::json(film.clips()).dump());  // Sorted by key, as editors do.
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::fresh);
}

TEST(RetrieveFilm, AListOfOnesOwnNeedsNoCatalogue) {
  RetrievedFilm film;
  film.retrieve();
  fs::remove(film.folder() / "report.json");
  fs::remove_all(film.library.catalogue());
  EXPECT_THAT(film.make().motions, IsEmpty());
  EXPECT_THAT(film.engine.use.learnt, ElementsAre("motion picking-up"));
  EXPECT_TRUE(film_status(film.root()).fresh());
}

TEST(RetrieveFilm, WhereNothingIsToBeDoneNothingIsLocked) {
  RetrievedFilm film;
  film.retrieve();
  const FolderLock held{FilmFolder(film.root())};
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::fresh);
  expect_error(ErrorKind::busy, [&] { film.retrieve(forced()); });
}

TEST(RetrieveFilm, VideosThatComeOrGoMakeItStale) {
  RetrievedFilm film;
  film.retrieve();
  test::write_clip(film.library.folder(), {.name = "later", .caption = "", .room = {0, 0, 200}});
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::stale);
  EXPECT_THAT(film.kept(), Contains("later"));
  fs::remove(film.library.folder() / "a.mp4");
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::stale) << "a list of clips that are gone would stop the film";
  EXPECT_THAT(film.kept(), ElementsAre("b", "c", "d", "e", "later"));
  film.library.add({.name = "new", .caption = "a person is picking up", .room = {0, 0, 200}});
  film.library.save();
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::stale);
  EXPECT_THAT(film.kept(), Contains("new"));
  write_text(film.root() / "../scorers/clip/model.safetensors", "other weights");
  EXPECT_EQ(film.retrieve().motions[0].before, ClipsStanding::stale);
}

TEST(RetrieveFilm, TellsWhatIsMissingWithoutAnyModel) {
  RetrievedFilm film;
  RetrieveFilmRequest request;
  request.film = film.root();
  const std::vector<WantedVideo> wanted = wanted_videos(request, film.run);
  ASSERT_THAT(wanted, SizeIs(1));
  EXPECT_EQ(wanted[0].motion, "picking-up");
  EXPECT_EQ(wanted[0].clip.clip.id, "later");
  EXPECT_EQ(film.engine.use.scorers_opened, 0);
  EXPECT_FALSE(fs::exists(film.folder()));
}

TEST(RetrieveFilm, RefusesWhereThereIsNothingToLookIn) {
  RetrievedFilm film;
  fs::remove_all(film.library.folder());
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { film.retrieve(); }), HasSubstr("no catalogue there"));
  film.settings.replace(film.settings.find("path = \"../clips/catalogue\"\n"), 28, "");
  film.save();
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { film.retrieve(); }), HasSubstr("no catalogue of clips"));
  film.settings += "use = false\n";
  film.save();
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { film.retrieve(); }), HasSubstr("use is off"));
  EXPECT_FALSE(fs::exists(film.folder()));
}

TEST(RetrieveFilm, MakeGoesFromAMotionsNameToItsPrior) {
  RetrievedFilm film;
  const MakeResult result = film.make();
  ASSERT_THAT(result.motions, SizeIs(1));
  EXPECT_EQ(result.motions[0].kept, 5u);
  EXPECT_THAT(film.engine.use.learnt, ElementsAre("motion picking-up"));
  ASSERT_THAT(film.engine.use.requests, SizeIs(1));
  EXPECT_THAT(film.engine.use.requests[0].examples, SizeIs(5));
  ASSERT_THAT(film.engine.use.jobs, SizeIs(2));
  EXPECT_THAT(film.engine.use.jobs[1].priors, SizeIs(1)) << "it acts where its motion is";
  const MakeResult again = film.make();
  EXPECT_THAT(again.motions, IsEmpty());
  EXPECT_FALSE(again.joined) << "a film that is fresh stays as it is";
}

TEST(RetrieveFilm, WithoutRetrievalMotionsAreLeftToTheModel) {
  RetrievedFilm film;
  SettingOverrides overrides;
  overrides.library.no_rag = true;
  const MakeResult result = film.make(overrides);
  EXPECT_THAT(result.motions, IsEmpty());
  EXPECT_THAT(result.priors, IsEmpty());
  EXPECT_EQ(film.engine.use.scorers_opened, 0);
  film.make();
  EXPECT_THAT(film.engine.use.learnt, ElementsAre("motion picking-up"));
}

TEST(RetrieveFilm, AFilmsStatusSaysHowItsClipsStand) {
  RetrievedFilm film;
  const auto line = [&]() -> std::string {
    for (const ArtefactStatus& artefact : film_status(film.root()).artefacts) {
      if (artefact.name == "motions/picking-up/clips.json") return fmt::format("{}: {}", freshness_name(artefact.verdict.freshness), artefact.verdict.reason);
    }
    return "none";
  };
  EXPECT_EQ(line(), "missing: to be retrieved");
  EXPECT_FALSE(fs::exists(film.folder())) << "looking writes nothing";
  film.make();
  EXPECT_EQ(line(), "fresh: ");
  EXPECT_TRUE(film_status(film.root()).fresh());
  film.settings += "max_clips = 3\n";
  film.save();
  EXPECT_EQ(line(), "stale: to be retrieved anew");
  fs::remove(film.folder() / "report.json");
  EXPECT_EQ(line(), "fresh: written by hand");
  film.settings += "use = false\n";
  film.save();
  EXPECT_EQ(line(), "none");
}

TEST(RetrieveFilm, OneSceneRetrievesWhatItWants) {
  RetrievedFilm film;
  EXPECT_THAT(film.make({}, 1).motions, IsEmpty());
  EXPECT_FALSE(fs::exists(film.folder()));
  EXPECT_THAT(film.make({}, 2).motions, SizeIs(1));
}

TEST(RetrieveFilm, AMotionWithAPriorOfOnesOwnNeedsNoClips) {
  RetrievedFilm film;
  RetrievedFilm other;
  other.make();
  make_folders(film.folder());
  fs::copy_file(other.folder() / "prior.safetensors", film.folder() / "prior.safetensors");
  EXPECT_THAT(film.make().motions, IsEmpty());
  EXPECT_FALSE(fs::exists(film.folder() / "clips.json"));
}

TEST(RetrieveFilm, AKilledRunLeavesNothingThatStopsTheNext) {
  RetrievedFilm film;
  film.retrieve();
  const auto whole = tree_of(film.folder());
  // The files appear in this order: each prefix of it is what a crash may leave.
  fs::remove(film.folder() / "clips.json");
  film.retrieve();
  EXPECT_EQ(tree_of(film.folder()), whole);
  fs::remove(film.folder() / "clips.json");
  fs::remove(film.folder() / "report.json");
  write_text(film.folder() / ".report.json.123.1.tmp", "half");
  film.retrieve();
  EXPECT_EQ(tree_of(film.folder()), whole) << "and half-written files are swept";
}

}  // namespace
}  // namespace dreamrunner
