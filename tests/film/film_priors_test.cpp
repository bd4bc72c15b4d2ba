#include "film/film_priors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "film/character_pictures.h"
#include "prior_film.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::Notes;
using test::PriorFilm;
using test::write_text;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr PriorKind kMotion = PriorKind::motion;
constexpr PriorKind kSubject = PriorKind::subject;

TEST(CharacterPictures, ArePicturesInTheOrderOfTheirNamesWithWhatTheyShow) {
  const test::TemporaryFolder folder;
  const FilmCharacter bear{{"bear", "[v1]", "brown bear"}, {"pictures/*.png"}, {}};
  EXPECT_THAT(character_pictures(bear, folder.path()), IsEmpty());
  for (const char* name : {"b.png", "a.png", "c.png", ".hidden.png", "d.jpg"}) write_text(folder / (std::string("pictures/") + name), "x");
  write_text(folder / "pictures/b.txt", "a [v1] brown bear is waving\n");
  const auto pictures = character_pictures(bear, folder.path());
  ASSERT_THAT(pictures, SizeIs(3));
  EXPECT_EQ(pictures[0].file, folder / "pictures/a.png");
  EXPECT_EQ(pictures[0].caption, "a [v1] brown bear") << "where nothing is said";
  EXPECT_EQ(pictures[1].caption, "a [v1] brown bear is waving") << "what the text beside it says";
  write_text(folder / "pictures/prior.safetensors", "what was learnt from them lies beside them");
  EXPECT_THAT(character_pictures({bear.character, {"pictures/*"}, {}}, folder.path()), SizeIs(4)) << "texts and priors are no pictures";
  write_text(folder / "pictures/b.txt", "\xef\xbb\xbf" "a [v1] brown bear is waving\n");
  EXPECT_EQ(character_pictures(bear, folder.path())[1].caption, "a [v1] brown bear is waving") << "as some editors write it";
  EXPECT_THAT(character_pictures({bear.character, {"pictures/c.png", "pictures/a.png"}, {"[v1] one", "[v1] two"}}, folder.path())[1].caption, "[v1] two");
}

TEST(CharacterPictures, AFolderMayBeCalledLikeAPattern) {
  const test::TemporaryFolder folder;
  write_text(folder / "[v1]/a.png", "x");
  EXPECT_THAT(matching_files(folder.path(), "[v1]/*.png"), ElementsAre(folder / "[v1]/a.png"));
  write_text(folder / "b*.png", "x");
  write_text(folder / "bc.png", "x");
  EXPECT_THAT(matching_files(folder.path(), "b*.png"), ElementsAre(folder / "b*.png")) << "a file of that very name";
}

TEST(CharacterPictures, CaptionsAreTextAndBelongToPictures) {
  PriorFilm film;
  write_text(film / "characters/bear/0.txt", "a [v1] brown bear in a caf\xe9");
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { film.open(); }), HasSubstr("no UTF-8"));
  fs::remove(film / "characters/bear/0.txt");
  film.settings.replace(film.settings.find("pictures = "), std::string("pictures = \"characters/bear/*.png\"").size(), "captions = [\"a [v1] bear\"]");
  film.save();
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { film.open(); }), HasSubstr("captions: of no pictures"));
}

TEST(CharacterPictures, FaultsNameThePicture) {
  const test::TemporaryFolder folder;
  write_text(folder / "a.png", "x");
  const Character bear{"bear", "[v1]", "brown bear"};
  const auto refused = [&](ErrorKind kind, const FilmCharacter& entry, const std::string& words) {
    EXPECT_THAT(expect_error(kind, [&] { character_pictures(entry, folder.path()); }), HasSubstr(words));
  };
  refused(ErrorKind::input_file, {bear, {"b.png"}, {}}, "b.png: no such file, a picture of character \"bear\" expected");
  refused(ErrorKind::usage, {{"bear", "", "brown bear"}, {"*.png"}, {}}, "character \"bear\": has pictures and no token");
  refused(ErrorKind::usage, {bear, {"*.png"}, {"[v1] a", "[v1] b"}}, "found 2 captions, 1 expected");
  refused(ErrorKind::usage, {bear, {"*.png"}, {"a brown bear"}}, "a.png: its caption \"a brown bear\" lacks [v1]");
  refused(ErrorKind::usage, {bear, {"*.png"}, {" "}}, "a.png: its caption (in film.toml) is blank");
  write_text(folder / "a.txt", "a bear");
  refused(ErrorKind::usage, {bear, {"*.png"}, {}}, "a.txt");
}

TEST(FilmPriors, AreWhatTheFilmHasPicturesAndClipsOf) {
  const PriorFilm film;
  const FilmProject project = film.open();
  ASSERT_THAT(project.priors.all, SizeIs(2));
  const FilmPrior& motion = project.priors.all[0];
  EXPECT_EQ(motion.label(), "motion cartwheeling");
  EXPECT_EQ(motion.name, "cartwheeling");
  EXPECT_THAT(motion.examples, SizeIs(2));
  EXPECT_EQ(motion.examples[0].caption, "a red witch is cartwheeling");
  EXPECT_EQ(motion.examples[0].crop, (Box{0, 0.1, 0.5, 1}));
  EXPECT_FALSE(motion.is_own());
  const FilmPrior& bear = project.priors.all[1];
  EXPECT_EQ(bear.label(), "character bear");
  EXPECT_EQ(bear.name, "[v1]");
  EXPECT_EQ(bear.link_name(), "characters/bear/prior.safetensors");
  EXPECT_THAT(project.priors.missing, IsEmpty()) << "walking and jumping are what the model knows";
}

TEST(FilmPriors, TheKeyChangesWithAnythingThatDecidesThePrior) {
  PriorFilm film;
  std::string before = film.key(kMotion);
  const auto changes = [&](auto&& change) {
    change();
    film.save();
    const std::string now = film.key(kMotion);
    const bool changed = now != before;
    before = now;
    return changed;
  };
  EXPECT_TRUE(changes([&] { write_text(film / "motions/cartwheeling/one.mp4", "a clap"); })) << "bytes of a clip";
  EXPECT_TRUE(changes([&] { film.clips["clips"][0]["caption"] = "a green witch is cartwheeling"; }));
  EXPECT_TRUE(changes([&] { film.clips["clips"][0]["start"] = 0.25; }));
  EXPECT_TRUE(changes([&] { film.clips["clips"][1]["end"] = 2; }));
  EXPECT_TRUE(changes([&] { film.clips["clips"][0].erase("crop"); }));
  EXPECT_TRUE(changes([&] { std::swap(film.clips["clips"][0], film.clips["clips"][1]); })) << "the order is the order of learning";
  EXPECT_TRUE(changes([&] { film.settings += "[priors.motion]\nrank = 8\n"; }));
  EXPECT_TRUE(changes([&] { film.settings += "max_clips = 1\n"; }));
  EXPECT_TRUE(changes([&] { write_text(film.model() / "transformer/weights.safetensors", "other weights"); })) << "the base model";
  SettingOverrides overrides;
  overrides.prior_seed = 5;
  EXPECT_NE(film.key(kMotion, overrides), before);
  overrides = {};
  overrides.dtype = "bf16";
  EXPECT_NE(film.key(kMotion, overrides), before);
  overrides = {};
  overrides.prior_recipe = {{"debias", false}};
  EXPECT_NE(film.key(kMotion, overrides), before);
}

TEST(FilmPriors, TheKeyDoesNotChangeWithAnythingElse) {
  PriorFilm film;
  const std::string motion = film.key(kMotion);
  const std::string subject = film.key(kSubject);
  const auto same = [&](auto&& change) {
    change();
    film.save();
    return film.key(kMotion) == motion && film.key(kSubject) == subject;
  };
  EXPECT_TRUE(same([&] { film.plan.scenes[1].key_frames[0].regions[0].caption = "a [v1] brown bear turns a cartwheel"; })) << "editing a caption does not learn again";
  EXPECT_TRUE(same([&] { film.plan.scenes[0].seed = 4; }));
  EXPECT_TRUE(same([&] { film.clips["clips"][0]["score"] = 1; })) << "what is not read";
  EXPECT_TRUE(same([&] {
    fs::rename(film / "motions/cartwheeling/one.mp4", film / "motions/cartwheeling/three.mp4");
    film.clips["clips"][0]["path"] = "three.mp4";
  })) << "what a file is called";
  EXPECT_TRUE(same([&] { fs::rename(film / "characters/bear/1.png", film / "characters/bear/5.png"); }));
  EXPECT_TRUE(same([&] { write_text(film.model() / "priors.json", R"({"schema": 1, "knows": [], "motion": {"recompute": "on", "loss_frames": "all"}})"); }));
  EXPECT_EQ(film.key(kSubject), subject);
  SettingOverrides overrides;
  overrides.seed = 9;
  overrides.steps = 2;
  overrides.device = "cpu";
  overrides.prior_weights = {"bear=0.5"};
  overrides.lora_scope = "global";
  EXPECT_EQ(film.key(kMotion, overrides), motion);
  film.settings += "[priors.subject]\nsteps = 3\n";
  film.save();
  EXPECT_EQ(film.key(kMotion), motion);
  EXPECT_NE(film.key(kSubject), subject);
}

TEST(FilmPriors, ASingleTextMakesCaptionsOfClipsIrrelevant) {
  PriorFilm film;
  SettingOverrides single;
  single.prior_recipe = {{"prompts", "single"}};
  const std::string before = film.key(kMotion, single);
  film.clips["clips"][0]["caption"] = "somebody";
  film.save();
  EXPECT_EQ(film.key(kMotion, single), before);
}

TEST(FilmPriors, AreBoundByIdWhateverWordsARegionUses) {
  PriorFilm film;
  film.plan.motions = {{"cartwheeling", {"cartwheeling", "turning cartwheels"}}};
  film.plan.scenes[1].key_frames[0].regions = {
      {"bear", "Turning  Cartwheels", "x", {0, 0, 1, 1}},                   // A listed phrase.
      {"somebody", "showing off", "x", {0, 0, 1, 1}, "cartwheeling"},       // By id; nobody known.
      {"somebody", "jumping", "cartwheeling over a [v1] bear", {0, 0, 1, 1}},  // Captions are never looked at.
      {"bear", "none", "x", {0, 0, 1, 1}},
  };
  film.plan.scenes[1].key_frames[1].regions = {{"none", "none", "x", {0, 0, 1, 1}}, {"bear", "walking", "x", {0, 0, 1, 1}}};
  film.save();
  const FilmProject project = film.open();
  const auto bindings = project.bindings(2);
  ASSERT_THAT(bindings, SizeIs(2));
  EXPECT_EQ(bindings[0].prior->id, "cartwheeling");
  EXPECT_THAT(bindings[0].places, ElementsAre(RegionPlace{0, 0}, RegionPlace{0, 1}));
  EXPECT_EQ(bindings[1].prior->id, "bear");
  EXPECT_THAT(bindings[1].places, ElementsAre(RegionPlace{0, 0}, RegionPlace{0, 3}, RegionPlace{1, 1}));
  const auto first = project.bindings(1);
  ASSERT_THAT(first, SizeIs(1)) << "nobody turns cartwheels in scene 1";
  EXPECT_EQ(first[0].prior->id, "bear");
}

TEST(FilmPriors, APlanWithoutItsCharactersIsFilledFromFilmToml) {
  PriorFilm film;
  film.plan.characters.clear();
  film.save();
  EXPECT_THAT(film.open().bindings(1), SizeIs(1));
}

TEST(FilmPriors, TwoTokensForOneCharacterAreRefused) {
  PriorFilm film;
  film.plan.characters[0].token = "[v2]";
  film.save();
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { film.open(); }), HasSubstr("its token is \"[v1]\" in film.toml and \"[v2]\" in the plan"));
}

TEST(FilmPriors, WhatIsMissingIsSaidInAShortList) {
  PriorFilm film;
  write_text(film.model() / "priors.json", R"({"schema": 1, "knows": ["walking"]})");
  fs::remove(film.clips_file());
  film.plan.characters.push_back({"cat", "[v2]", "cat"});
  film.plan.characters.push_back({"dog", "", "dog"});
  film.plan.scenes[0].key_frames[0].regions.push_back({"cat", "walking", "x", {0, 0, 1, 1}});
  film.plan.scenes[0].key_frames[0].regions.push_back({"dog", "walking", "x", {0, 0, 1, 1}});
  test::SmallFilm& plain = film;  // Its `save` does not write clips.json.
  plain.save();
  const FilmProject project = film.open();
  std::set<PriorId> wanted;
  for (const Scene& scene : project.plan.scenes) wanted.merge(wanted_in(project.plan, scene));
  EXPECT_THAT(missing_in_words(project.priors, wanted),
              ElementsAre("character cat has no prior: film.toml names no pictures",
                          AllOf(HasSubstr("no clips, so left to the model: "), HasSubstr("jumping"), HasSubstr("cartwheeling"))));
  EXPECT_THAT(missing_in_words(project.priors, wanted_in(project.plan, project.scene(2))), SizeIs(1)) << "the cat is in scene 1 only";
  film.settings = film.settings.substr(0, film.settings.find("pictures")) + "pictures = \"no/*.png\"\n";
  plain.save();
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { film.open(); }), HasSubstr("character \"bear\": no file matches")) << "not made again without it";
}

TEST(FilmPriors, ACharacterWhoIsNotCalledByTheTokenIsSaid) {
  PriorFilm film;
  for (Scene& scene : film.plan.scenes) {
    for (KeyFrame& key_frame : scene.key_frames) key_frame.regions[0].caption = "a [v1] brown bear is walking";
  }
  film.plan.scenes[1].key_frames[1].regions[0].caption = "a [v10] brown bear is walking";
  film.save();
  Notes notes;
  film.run.progress = &notes;
  film.make();
  const std::string line = "scene 2: \"a [v10] brown bear is walking\" does not hold [v1], which calls up bear (`dreamrunner plan FILM --check` finds all such captions)";
  EXPECT_EQ(std::count(notes.notes.begin(), notes.notes.end(), line), 1);
  EXPECT_EQ(std::count_if(notes.notes.begin(), notes.notes.end(), [](const std::string& note) { return note.find("does not hold") != std::string::npos; }), 1);
  // Without what is learnt there is nothing to call up.
  film.plan.scenes[1].narration += " Again.";
  film.save();
  notes.notes.clear();
  SettingOverrides without;
  without.prior_weights = {"bear=0"};
  film.make(without);
  EXPECT_EQ(std::count_if(notes.notes.begin(), notes.notes.end(), [](const std::string& note) { return note.find("does not hold") != std::string::npos; }), 0);
}

TEST(FilmPriors, ASlipInAKnownMotionIsNoticed) {
  PriorFilm film;
  const std::string settings = film.settings;
  const auto open_with = [&](const std::string& known) {
    film.settings = settings;
    film.settings.insert(film.settings.find("[priors]\n") + 9, "known_motions = [\"" + known + "\"]\n");
    film.save();
    return film.open();
  };
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { open_with("cartwheelin"); }), HasSubstr("did you mean \"cartwheeling\"?"));
  EXPECT_NO_THROW(open_with("cartwheeling"));
  EXPECT_NO_THROW(open_with("kowtowing")) << "a motion that the plan has no more does no harm";
}

TEST(FilmPriors, AnEmptyListOfClipsIsMissing) {
  PriorFilm film;
  film.clips["clips"] = Json::array();
  film.save();
  const FilmProject project = film.open();
  ASSERT_THAT(project.priors.missing, SizeIs(1));
  EXPECT_EQ(project.priors.missing[0].reason, "motions/cartwheeling/clips.json lists no clips");
}

TEST(FilmPriors, WeightsAreByIdAndUnknownOnesAreRefused) {
  PriorFilm film;
  film.settings += "[priors.weights]\ncartwheeling = 0.5\n";
  film.save();
  EXPECT_EQ(film.open().bindings(2)[0].prior->weight, 0.5);
  SettingOverrides overrides;
  overrides.prior_weights = {"cartwheeling=0", "bear=2"};
  const FilmProject project = film.open(overrides);
  const auto bindings = project.bindings(2);
  ASSERT_THAT(bindings, SizeIs(1)) << "0 leaves it out";
  EXPECT_EQ(bindings[0].prior->weight, 2);
  overrides.prior_weights = {"cartweeling=1"};
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { film.open(overrides); }), HasSubstr("did you mean \"cartwheeling\"?"));
  overrides.no_priors = true;
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { film.open(overrides); }), HasSubstr("did you mean \"cartwheeling\"?")) << "a slip is one also where it does nothing";
}

TEST(FilmPriors, RecordsOfScenesWithoutPriorsStayAsTheyWere) {
  const PriorFilm film(2);
  SettingOverrides off;
  off.no_priors = true;
  const Json without = latents_inputs(film.open(off), 2);
  EXPECT_FALSE(without.contains("lora_scope"));
  const Json with = latents_inputs(film.open(), 2);
  EXPECT_TRUE(with.contains("motion cartwheeling"));
  EXPECT_TRUE(with.contains("character bear"));
  EXPECT_EQ(with["lora_scope"], "region");
  for (const auto& [name, value] : without.items()) EXPECT_EQ(with[name], value) << name;
  EXPECT_FALSE(latents_inputs(film.open(), 1).contains("motion cartwheeling"));
}

TEST(FilmPriors, RecordsSayPriorWeightScopeAndPlaces) {
  PriorFilm film;
  const auto inputs = [&](auto&& change) {
    SettingOverrides overrides;
    change(overrides);
    return latents_inputs(film.open(overrides), 2);
  };
  const Json before = inputs([](SettingOverrides&) {});
  EXPECT_NE(inputs([](SettingOverrides& o) { o.prior_weights = {"bear=0.5"}; }), before);
  EXPECT_NE(inputs([](SettingOverrides& o) { o.lora_text_tokens = "off"; }), before);
  EXPECT_NE(inputs([](SettingOverrides& o) { o.prior_recipe = {{"rank", 4}}; }), before);
  const Json global = inputs([](SettingOverrides& o) { o.lora_scope = "global"; });
  EXPECT_NE(global, before);
  // Another binding of the same pictures: only the motion's id differs.
  film.plan.scenes[1].key_frames[1].regions[0].motion_id = "cartwheeling";
  film.plan.motions = {{"cartwheeling", {"cartwheeling"}}};
  film.save();
  EXPECT_NE(inputs([](SettingOverrides&) {}), before);
  EXPECT_EQ(inputs([](SettingOverrides& o) { o.lora_scope = "global"; }), global) << "everywhere is everywhere";
}

TEST(FilmPriors, AFileOfAPersonsOwnWinsAndIsChecked) {
  const PriorFilm film;
  const fs::path place = film / "motions/cartwheeling/prior.safetensors";
  write_text(place, "not safetensors");
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { film.open(); }), HasSubstr(place.string()));
  std::vector<TensorEntry> tensors{{.name = "a", .type = TensorType::f32, .shape = {1}, .offset = 0, .size = 0}};
  write_text(place, make_safetensors_header(tensors, {}) + "1234");
  const FilmProject project = film.open();
  const FilmPrior* prior = project.priors.find({kMotion, "cartwheeling"});
  ASSERT_NE(prior, nullptr);
  EXPECT_EQ(prior->own_file, place);
  EXPECT_EQ(prior->hash, sha256_of_file(place));
  fs::remove(place);
  fs::create_symlink("/no/such/file.safetensors", place);
  expect_error(ErrorKind::input_file, [&] { film.open(); });
  fs::remove(place);
  fs::create_symlink("/library/" + std::string(64, 'a') + "/prior.safetensors", place);
  EXPECT_FALSE(film.open().priors.find({kMotion, "cartwheeling"})->is_own()) << "a link of ours, even to a library that is gone";
}

TEST(FilmPriors, TheExampleWantsTwoCharactersAndOneMotion) {
  ::setenv("DREAMRUNNER_MODELS", DREAMRUNNER_SOURCE_DIR "/models", 1);
  const FilmProject film = open_film(DREAMRUNNER_SOURCE_DIR "/examples/cartwheel", {});
  std::vector<std::string> labels;
  for (const FilmPrior& prior : film.priors.all) labels.push_back(prior.label());
  EXPECT_THAT(labels, ElementsAre("motion cartwheeling", "character witch", "character cat"));
  EXPECT_THAT(film.priors.missing, IsEmpty());
  for (int scene = 1; scene <= film.scene_count(); ++scene) {
    EXPECT_EQ(film.bindings(scene).size(), scene == 2 ? 2u : 3u) << "both characters everywhere, cartwheels in all scenes but the second";
  }
}

}  // namespace
}  // namespace dreamrunner
