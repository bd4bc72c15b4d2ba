#include "film/make_film.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "film/film_folder.h"
#include "media/png.h"
#include "media/video_reader.h"
#include "small_film.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::read_bytes;
using test::SmallFilm;
using test::tree_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Keeps what was said.
class Notes : public Progress {
 public:
  void note(std::string_view message) override { notes.emplace_back(message); }
  std::vector<std::string> notes;
};

TEST(MakeFilm, TheFirstRunMakesEverything) {
  SmallFilm film;
  const MakeResult result = film.make();
  for (int scene = 1; scene <= 3; ++scene) {
    EXPECT_TRUE(fs::exists(film / FilmFolder::latents_name(scene)));
    EXPECT_EQ(read_png(film / FilmFolder::sheet_name(scene)).rgb.empty(), false);
    const auto& outcome = result.scenes.at(static_cast<size_t>(scene - 1));
    EXPECT_TRUE(outcome.denoised && outcome.video && outcome.sheet);
    EXPECT_EQ(outcome.scene, scene);
  }
  EXPECT_TRUE(result.joined);
  EXPECT_EQ(result.film, film / "film.mp4");
  EXPECT_EQ(result.folder, film.root());
  ASSERT_TRUE(result.format);
  EXPECT_EQ(result.format->sampler, "ddim");
  EXPECT_EQ(film.engine.use.opened, 1);
  EXPECT_THAT(film.engine.use.denoised, ElementsAre("scene 1", "scene 2", "scene 3"));
}

TEST(MakeFilm, TheFilmIsItsScenesOneBehindTheOther) {
  SmallFilm film;
  film.make();
  int64_t frames = 0;
  for (int scene = 1; scene <= 3; ++scene) frames += probe_video(film / FilmFolder::video_name(scene)).frames;
  EXPECT_EQ(frames, 3 * test::SyntheticGenerator::kFrames);
  EXPECT_EQ(probe_video(film / "film.mp4").frames, frames);
}

TEST(MakeFilm, TheSecondRunDoesNothingAndOpensNoEngine) {
  SmallFilm film;
  film.make();
  const auto before = tree_of(film.root());
  const MakeResult result = make_film({film.root(), {}, {}}, []() -> Engine& { throw Error(ErrorKind::bug, "opened"); }, film.run);
  for (const SceneOutcome& scene : result.scenes) EXPECT_TRUE(scene.nothing());
  EXPECT_FALSE(result.joined);
  EXPECT_FALSE(result.format);
  EXPECT_EQ(tree_of(film.root()), before);
}

TEST(MakeFilm, TwoFilmsOfOneKindAreTheSameBytes) {
  SmallFilm one, two;
  one.make();
  two.make();
  EXPECT_EQ(tree_of(one.root()), tree_of(two.root()));
}

TEST(MakeFilm, AChangedCaptionRemakesItsSceneAndTheFilmOnly) {
  SmallFilm film;
  film.make();
  const std::string first = read_bytes(film / FilmFolder::video_name(1));
  const std::string third = read_bytes(film / FilmFolder::video_name(3));
  film.plan.scenes[2].key_frames[1].regions[0].caption = "a brown bear is sleeping";
  film.save();
  film.engine.use = {};
  const MakeResult result = film.make();
  EXPECT_THAT(film.engine.use.denoised, ElementsAre("scene 3"));
  EXPECT_TRUE(result.scenes[0].nothing() && result.scenes[1].nothing());
  EXPECT_TRUE(result.scenes[2].denoised && result.scenes[2].video && result.scenes[2].sheet && result.joined);
  EXPECT_EQ(read_bytes(film / FilmFolder::video_name(1)), first);
  EXPECT_NE(read_bytes(film / FilmFolder::video_name(3)), third);
}

TEST(MakeFilm, EveryPartOfASceneThatBecomesPicturesCounts) {
  SmallFilm film(1);
  film.make();
  const auto remade = [&](auto&& change) {
    change(film.plan.scenes[0]);
    film.save();
    film.engine.use = {};
    film.make();
    return !film.engine.use.denoised.empty();
  };
  EXPECT_TRUE(remade([](Scene& scene) { scene.background = "another place"; }));
  EXPECT_TRUE(remade([](Scene& scene) { scene.key_frames[0].regions[0].box.left = 0.001; }));
  EXPECT_TRUE(remade([](Scene& scene) { scene.key_frames[0].regions[0].motion = "running"; }));
  EXPECT_TRUE(remade([](Scene& scene) { scene.key_frames[0].regions[0].character = "cat"; }));
  EXPECT_TRUE(remade([](Scene& scene) { scene.key_frames.pop_back(); }));
  EXPECT_TRUE(remade([](Scene& scene) { scene.seed = 99; }));
  EXPECT_FALSE(remade([](Scene& scene) { scene.narration = "They part."; }));
  EXPECT_FALSE(remade([](Scene& scene) { scene.place = "the wood"; }));
  EXPECT_FALSE(remade([](Scene& scene) { scene.motions = {"walking"}; }));
}

TEST(MakeFilm, EverySettingThatDecidesTheLatentsRemakesAll) {
  SmallFilm film(2);
  film.make();
  const auto remade = [&](auto member, auto value) {
    SettingOverrides overrides;
    overrides.*member = value;
    film.engine.use = {};
    film.make(overrides);
    return film.engine.use.denoised.size();
  };
  EXPECT_EQ(remade(&SettingOverrides::steps, 5), 2u);
  EXPECT_EQ(remade(&SettingOverrides::guidance_scale, 3.0), 2u);
  EXPECT_EQ(remade(&SettingOverrides::negative_prompt, "blurred"), 2u);
  EXPECT_EQ(remade(&SettingOverrides::seed, 8), 2u);
  EXPECT_EQ(remade(&SettingOverrides::num_frames, 16), 2u);
  EXPECT_EQ(remade(&SettingOverrides::height, 96), 2u);
  EXPECT_EQ(remade(&SettingOverrides::width, 144), 2u);
  EXPECT_EQ(remade(&SettingOverrides::sampler, "dpm"), 2u);
  EXPECT_EQ(remade(&SettingOverrides::interpolation, "linear"), 2u);
  EXPECT_EQ(remade(&SettingOverrides::noise_dtype, "model"), 2u);
  EXPECT_EQ(remade(&SettingOverrides::dtype, "bf16"), 2u);
  film.make();  // Back to film.toml alone.
  EXPECT_EQ(remade(&SettingOverrides::device, "cpu"), 0u) << "where it is made is no reason to make it again";
  EXPECT_EQ(remade(&SettingOverrides::steps, 4), 0u) << "saying what film.toml says changes nothing";
}

TEST(MakeFilm, TilingInFilmTomlRemakesPicturesAndKeepsLatents) {
  SmallFilm film(2);
  film.make();
  const std::string latents = read_bytes(film / FilmFolder::latents_name(2)), plain = read_bytes(film / "film.mp4");
  const std::string settings = film.settings;  // Ends in [generate].
  const auto made_with = [&](const std::string& key) {
    film.settings = settings + key;
    film.save();
    film.engine.use = {};
    film.make();
    EXPECT_THAT(film.engine.use.denoised, IsEmpty());
    return film.engine.use;
  };
  EXPECT_EQ(made_with("vae_tiling = false\n").opened, 0) << "saying the default changes nothing";
  const test::EngineUse tiled = made_with("vae_tiling = true\n");
  EXPECT_TRUE(tiled.settings.vae_tiling);
  EXPECT_EQ(tiled.decoded, 2);
  EXPECT_EQ(read_bytes(film / FilmFolder::latents_name(2)), latents);
  EXPECT_NE(read_bytes(film / "film.mp4"), plain);
  EXPECT_EQ(made_with("vae_tiling = true\n").opened, 0);
  SettingOverrides said_again;
  said_again.vae_tiling = true;
  film.make(said_again);
  EXPECT_EQ(film.engine.use.opened, 0) << "the option and the key are the same setting";
  EXPECT_FALSE(made_with("").settings.vae_tiling);
  EXPECT_EQ(film.engine.use.decoded, 2);
  EXPECT_EQ(read_bytes(film / "film.mp4"), plain) << "records of films without tiling do not speak of it";
}

TEST(MakeFilm, AnotherModelRemakesAll) {
  SmallFilm film(2);
  film.make();
  test::write_text(film.model() / "transformer/weights.safetensors", "other weights");
  film.engine.use = {};
  film.make();
  EXPECT_EQ(film.engine.use.denoised.size(), 2u);
}

TEST(MakeFilm, SceneKStartsFromTheFilmsSeedPlusKMinusOne) {
  SmallFilm film(3);
  film.plan.scenes[0].background = film.plan.scenes[1].background = film.plan.scenes[2].background;
  film.plan.scenes[2].seed = 8;  // The seed of scene 2.
  film.save();
  film.make();
  EXPECT_NE(read_bytes(film / FilmFolder::latents_name(1)), read_bytes(film / FilmFolder::latents_name(2)));
  EXPECT_EQ(read_bytes(film / FilmFolder::latents_name(2)), read_bytes(film / FilmFolder::latents_name(3)));
}

TEST(MakeFilm, ANewTitleOrSeedNameOnlyJoinsAgain) {
  SmallFilm film(2);
  film.make();
  film.plan.title = "Two strangers";
  film.save();
  film.engine.use = {};
  const MakeResult result = film.make();
  EXPECT_EQ(film.engine.use.opened, 0);
  EXPECT_TRUE(result.joined);
  EXPECT_THAT(read_bytes(film / "film.mp4"), HasSubstr("Two strangers"));
}

TEST(MakeFilm, AMissingVideoOrSheetIsDecodedNotDenoised) {
  SmallFilm film(2);
  film.make();
  const auto before = tree_of(film.root() / "scenes");
  fs::remove(film / FilmFolder::video_name(2));
  film.engine.use = {};
  MakeResult result = film.make();
  EXPECT_THAT(film.engine.use.denoised, IsEmpty());
  EXPECT_EQ(film.engine.use.decoded, 1);
  EXPECT_TRUE(result.scenes[1].video && !result.scenes[1].sheet && !result.scenes[1].denoised);
  EXPECT_FALSE(result.joined) << "the same bytes again leave the film fresh";
  fs::remove(film / FilmFolder::sheet_name(1));
  result = film.make();
  EXPECT_TRUE(result.scenes[0].sheet && !result.scenes[0].video);
  EXPECT_EQ(tree_of(film.root() / "scenes"), before);
}

TEST(MakeFilm, TheSameLatentsAgainLeaveTheRestFresh) {
  SmallFilm film(2);
  film.make();
  fs::remove(film / FilmFolder::latents_name(1));
  film.engine.use = {};
  const MakeResult result = film.make();
  EXPECT_THAT(film.engine.use.denoised, ElementsAre("scene 1"));
  EXPECT_EQ(film.engine.use.decoded, 0);
  EXPECT_FALSE(result.joined);
}

TEST(MakeFilm, DamagedArtefactsAreKeptAsideAndMadeAgain) {
  SmallFilm film(1);
  film.make();
  const auto good = tree_of(film.root());
  for (const std::string& name : {FilmFolder::latents_name(1), FilmFolder::video_name(1), FilmFolder::sheet_name(1), FilmFolder::film_name()}) {
    const std::string bytes = good.at(name);
    std::string flipped = bytes;
    flipped[bytes.size() / 2] ^= 1;
    for (const std::string& bad : {flipped, bytes.substr(0, bytes.size() / 2), bytes + "x", std::string()}) {
      test::write_text(film / name, bad);
      Notes notes;
      film.run.progress = &notes;
      film.make();
      EXPECT_EQ(read_bytes(film / name), bytes);
      EXPECT_EQ(read_bytes(film / (name + ".bad")), bad);
      EXPECT_THAT(notes.notes, ElementsAre(AllOf(HasSubstr(name), HasSubstr(".bad and made again"))));
      fs::remove(film / (name + ".bad"));
    }
  }
}

TEST(MakeFilm, WhatAPersonChangedIsKeptAsideAlsoWhereItIsOutOfDate) {
  SmallFilm film;
  film.make();
  test::write_text(film / FilmFolder::video_name(1), "graded");
  test::write_text(film / FilmFolder::film_name(), "with a sound track");
  film.plan.scenes[0].background = "another place";
  film.save();
  Notes notes;
  film.run.progress = &notes;
  film.make();
  EXPECT_EQ(read_bytes(film / (FilmFolder::video_name(1) + ".bad")), "graded");
  EXPECT_EQ(read_bytes(film / (FilmFolder::film_name() + ".bad")), "with a sound track");
  EXPECT_THAT(notes.notes, testing::SizeIs(2)) << "what was not touched is made again without a word";
  // The next one does not take the first one's place.
  test::write_text(film / FilmFolder::film_name(), "with another sound track");
  film.make();
  EXPECT_EQ(read_bytes(film / (FilmFolder::film_name() + ".bad")), "with a sound track");
  EXPECT_EQ(read_bytes(film / (FilmFolder::film_name() + ".bad2")), "with another sound track");
}

TEST(MakeFilm, AFolderWhoseNameIsNoTextHasATitleAllTheSame) {
  SmallFilm film(1);
  const fs::path strange = film.root().parent_path() / "caf\xe9";
  fs::copy(film.root(), strange, fs::copy_options::recursive);
  make_film({strange, {}, std::nullopt, false}, [&]() -> Engine& { return film.engine; }, film.run);
  EXPECT_TRUE(fs::exists(strange / "film.mp4"));
}

TEST(MakeFilm, ADamagedJournalLineMakesThatArtefactAgain) {
  SmallFilm film(1);
  film.make();
  const auto before = tree_of(film.root());
  std::string journal = before.at(".dreamrunner/journal.jsonl");
  journal[journal.find('{') + 1] = 'X';  // The first record: the latents.
  test::write_text(film / ".dreamrunner/journal.jsonl", journal);
  Notes notes;
  film.run.progress = &notes;
  film.engine.use = {};
  film.make();
  EXPECT_THAT(film.engine.use.denoised, ElementsAre("scene 1"));
  EXPECT_THAT(notes.notes, Contains(HasSubstr("journal.jsonl:1: not JSON")));
  EXPECT_EQ(tree_of(film.root() / "scenes"), [&] { SmallFilm same(1); same.make(); return tree_of(same.root() / "scenes"); }());
}

TEST(MakeFilm, OneSceneAloneIsTheSameSceneAndJoinsNothing) {
  SmallFilm whole(3), part(3);
  whole.make();
  const MakeResult result = part.make({}, 2);
  ASSERT_EQ(result.scenes.size(), 1u);
  EXPECT_EQ(result.scenes[0].scene, 2);
  EXPECT_FALSE(result.joined);
  EXPECT_TRUE(result.film.empty());
  EXPECT_FALSE(fs::exists(part / "film.mp4"));
  EXPECT_FALSE(fs::exists(part / "scenes/01"));
  EXPECT_EQ(tree_of(part.root() / "scenes/02"), tree_of(whole.root() / "scenes/02"));
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { part.make({}, 0); }), HasSubstr("scene 0: the plan has scenes 1 to 3"));
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { part.make({}, 4); }), HasSubstr("scene 4"));
}

TEST(MakeFilm, TheEngineIsHandedOnlyTheScenesToDenoise) {
  SmallFilm film(3);
  film.make({}, 1);
  film.make({}, 3);
  film.engine.use = {};
  film.make();
  EXPECT_THAT(film.engine.use.denoised, ElementsAre("scene 2"));
}

TEST(MakeFilm, LatentsAreOnTheDiskAndRecordedBeforeDecoding) {
  SmallFilm film(1);
  bool seen = false;
  film.engine.on_event = [&](const std::string& event) {
    if (event != "decode") return;
    seen = fs::exists(film / FilmFolder::latents_name(1)) &&
           read_bytes(film / ".dreamrunner/journal.jsonl").find(FilmFolder::latents_name(1)) != std::string::npos;
  };
  film.make();
  EXPECT_TRUE(seen);
}

TEST(MakeFilm, AHeldFolderIsBusy) {
  SmallFilm film;
  const FilmFolder folder(film.root());
  const FolderLock lock(folder);
  EXPECT_THAT(expect_error(ErrorKind::busy, [&] { film.make(); }), HasSubstr("process "));
  EXPECT_EQ(film.engine.use.opened, 0);
}

TEST(MakeFilm, FaultsOfTheRequestLeaveTheFolderUntouched) {
  SmallFilm film;
  const auto refused = [&](ErrorKind kind, const std::string& words) {
    const auto before = tree_of(film.root());
    EXPECT_THAT(expect_error(kind, [&] { film.make(); }), HasSubstr(words));
    EXPECT_EQ(tree_of(film.root()), before);
    EXPECT_FALSE(fs::exists(film / ".dreamrunner"));
    film.save();
  };
  test::write_text(film / "film.toml", "sed = 1");
  refused(ErrorKind::usage, "did you mean \"seed\"?");
  test::write_text(film / "film.toml", "seed = ");
  refused(ErrorKind::input_file, "film.toml:1:");
  test::write_text(film / "plan/plan.json", "{\"scenes\": []}");
  refused(ErrorKind::plan_refused, "plan.json");
  test::write_text(film / "film.toml", "[model]\npath = \"no/model\"");
  refused(ErrorKind::input_file, "model \"no/model\": not found");
  fs::remove(film / "plan/plan.json");
  refused(ErrorKind::input_file, "the film's plan expected");
}

TEST(MakeFilm, ARequestThatTheEngineRefusesLeavesTheFolderUntouched) {
  SmallFilm film;
  const auto before = tree_of(film.root());
  expect_error(ErrorKind::usage, [&] {
    make_film({film.root(), {}, {}}, []() -> Engine& { throw Error(ErrorKind::usage, "17 frames cannot come out"); }, film.run);
  });
  EXPECT_EQ(tree_of(film.root()), before);
}

TEST(MakeFilm, ANewerJournalIsRefused) {
  SmallFilm film;
  test::write_text(film / ".dreamrunner/journal.jsonl", "{\"schema\":99}\n");
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { film.make(); }), HasSubstr("made by a newer program"));
  EXPECT_FALSE(fs::exists(film / "scenes"));
}

TEST(MakeFilm, AFilmThatCannotBeWrittenIsAStorageError) {
  SmallFilm film(1);
  test::write_text(film / "scenes", "a file where the folder should be");
  EXPECT_THAT(expect_error(ErrorKind::storage, [&] { film.make(); }), HasSubstr("scenes/01"));
}

TEST(MakeFilm, ErrorsOfTheEngineComeThroughAndWhatIsDoneStays) {
  SmallFilm film(2);
  film.engine.on_event = [](const std::string& event) {
    if (event == "denoise scene 2") throw Error(ErrorKind::numerical, "scene 2: step 1: NaN");
  };
  expect_error(ErrorKind::numerical, [&] { film.make(); });
  film.engine.on_event = nullptr;
  film.engine.use = {};
  film.make();
  EXPECT_THAT(film.engine.use.denoised, ElementsAre("scene 2"));
}

TEST(MakeFilm, AStopWhileASceneIsMadeAnewLeavesTheOneThatIsThere) {
  SmallFilm film(1);
  film.make();
  const auto before = test::tree_of(film.root());
  SettingOverrides slip;
  slip.steps = 9;
  film.engine.on_event = [&](const std::string& event) {
    if (event.starts_with("denoise")) throw Error(ErrorKind::interrupted, "stopped");
  };
  expect_error(ErrorKind::interrupted, [&] { film.make(slip); });
  film.engine.on_event = nullptr;
  film.engine.use = {};
  EXPECT_FALSE(film.make().joined);
  EXPECT_EQ(film.engine.use.opened, 0) << "nothing was lost, so nothing is to be made";
  EXPECT_EQ(test::tree_of(film.root()), before);
}

}  // namespace
}  // namespace dreamrunner
