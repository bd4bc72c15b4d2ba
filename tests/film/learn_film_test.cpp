// Priors learnt, kept in a library, shared, damaged, interrupted, and used by scenes.

#include "film/learn_film.h"

#include <unistd.h>

#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "film/film_status.h"
#include "film/prior_library.h"
#include "killed_make.h"
#include "prior_film.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::Notes;
using test::PriorFilm;
using test::read_bytes;
using test::tree_of;
using test::write_text;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr PriorKind kMotion = PriorKind::motion;
constexpr PriorKind kSubject = PriorKind::subject;

std::string link_of(const PriorFilm& film) { return fs::read_symlink(film / "motions/cartwheeling/prior.safetensors").string(); }

TEST(PriorLibraryFolder, IsWhereFilmTomlOrTheEnvironmentSays) {
  const std::map<std::string, std::string> before = [] {
    std::map<std::string, std::string> values;
    for (const char* name : {"DREAMRUNNER_PRIORS", "XDG_DATA_HOME", "HOME"}) values[name] = std::getenv(name) != nullptr ? std::getenv(name) : "";
    return values;
  }();
  ::setenv("HOME", "/home/somebody", 1);
  ::unsetenv("XDG_DATA_HOME");
  ::unsetenv("DREAMRUNNER_PRIORS");
  EXPECT_EQ(prior_library_folder("/films/a", ""), "/home/somebody/.local/share/dreamrunner/priors");
  ::setenv("XDG_DATA_HOME", "data", 1);
  EXPECT_EQ(prior_library_folder("/films/a", ""), "/home/somebody/.local/share/dreamrunner/priors") << "relative ones are to be ignored";
  ::setenv("XDG_DATA_HOME", "/data", 1);
  EXPECT_EQ(prior_library_folder("/films/a", ""), "/data/dreamrunner/priors");
  ::setenv("DREAMRUNNER_PRIORS", "/priors", 1);
  EXPECT_EQ(prior_library_folder("/films/a", ""), "/priors");
  EXPECT_EQ(prior_library_folder("/films/a", "../priors"), "/films/priors");
  EXPECT_EQ(prior_library_folder("/films/a", "/else"), "/else");
  for (const char* name : {"DREAMRUNNER_PRIORS", "XDG_DATA_HOME", "HOME"}) ::unsetenv(name);
  expect_error(ErrorKind::usage, [] { prior_library_folder("/films/a", ""); });
  for (const auto& [name, value] : before) value.empty() ? ::unsetenv(name.c_str()) : ::setenv(name.c_str(), value.c_str(), 1);
}

TEST(LearnFilm, LearnsWhatTheFilmWantsAndLinksToIt) {
  PriorFilm film;
  const LearnFilmResult result = film.learn();
  EXPECT_THAT(film.engine.use.learnt, ElementsAre("motion cartwheeling", "character bear"));
  ASSERT_THAT(result.priors, SizeIs(2));
  EXPECT_EQ(result.priors[0].source, PriorSource::learnt);
  EXPECT_EQ(result.priors[0].hash, film.key(kMotion));
  EXPECT_EQ(link_of(film), "../../../library/" + film.key(kMotion) + "/prior.safetensors") << "a library beside the film moves along with it";
  EXPECT_EQ(read_bytes(film / "motions/cartwheeling/prior.safetensors"), read_bytes(result.priors[0].file));
  const Json record = read_json_file(film.library() / film.key(kMotion) / "record.json");
  EXPECT_EQ(record["name"], "cartwheeling");
  EXPECT_EQ(record["sha256"], sha256_of_file(result.priors[0].file));
  EXPECT_EQ(record["inputs"]["examples"].size(), 2u);
  EXPECT_EQ(key_of(record["inputs"]), film.key(kMotion));
  EXPECT_FALSE(fs::exists(film.library() / film.key(kMotion) / "work"));
  EXPECT_FALSE(fs::exists(film / "scenes"));
}

TEST(LearnFilm, TheEngineIsToldEverything) {
  PriorFilm film;
  film.settings += "[priors.motion]\nsteps = 11\nmax_clips = 1\n";
  film.save();
  film.learn();
  const LearnRequest request = film.engine.use.requests.at(0);
  EXPECT_EQ(request.kind, kMotion);
  EXPECT_EQ(request.name, "cartwheeling");
  EXPECT_EQ(request.recipe.steps, 11);
  ASSERT_THAT(request.examples, SizeIs(1));
  EXPECT_EQ(request.examples[0].start_s, 0.5);
  EXPECT_EQ(request.model.string(), film.open().settings.generate.model.string());
  EXPECT_EQ(request.base, film.open().model_fingerprint);
  EXPECT_EQ(request.work.string(), (fs::absolute(film.library()).lexically_normal() / film.key(kMotion) / "work").string());
  EXPECT_THAT(request.facts, Contains(std::pair<std::string, std::string>("key", film.key(kMotion))));
  EXPECT_EQ(film.engine.use.requests.at(1).name, "[v1]");
  EXPECT_EQ(request.sample_every, 0);
  film.learn({.characters = {"bear"}, .options = {.force = true, .sample_every = 20, .sample_prompt = "a [v1] brown bear is waving"}});
  const LearnRequest& sampled = film.engine.use.requests.back();
  EXPECT_EQ(sampled.sample_every, 20);
  EXPECT_EQ(sampled.sample_prompt, "a [v1] brown bear is waving");
  EXPECT_EQ(sampled.samples.string(), (film / "characters/bear/samples").string());
}

TEST(LearnFilm, WhatIsThereIsReusedWithoutAnEngine) {
  PriorFilm film;
  film.learn();
  const auto before = tree_of(film.library());
  LearnFilmRequest request;
  request.film = film.root();
  const LearnFilmResult result = learn_film(request, []() -> Engine& { throw Error(ErrorKind::bug, "opened"); }, film.run);
  EXPECT_EQ(result.priors[0].source, PriorSource::reused);
  EXPECT_EQ(tree_of(film.library()), before);
}

TEST(LearnFilm, TwoFilmsShareALibrary) {
  PriorFilm one, two;
  two.settings.replace(two.settings.find("../library"), 10, one.library().lexically_normal().string());
  two.plan.title = "Another film";
  two.save();
  one.learn();
  two.learn();
  EXPECT_THAT(two.engine.use.learnt, IsEmpty());
  EXPECT_EQ(link_of(two), (one.library().lexically_normal() / one.key(kMotion) / "prior.safetensors").string());
}

TEST(LearnFilm, OnlyWhatIsNamedWantedOrNot) {
  PriorFilm film(1);  // Nobody turns cartwheels in it.
  film.learn({.motions = {"cartwheeling"}});
  EXPECT_THAT(film.engine.use.learnt, ElementsAre("motion cartwheeling"));
  film.learn({.characters = {"bear"}});
  EXPECT_THAT(film.engine.use.learnt, ElementsAre("motion cartwheeling", "character bear"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { film.learn({.motions = {"bowing"}}); }), HasSubstr("there is no motions/bowing/clips.json"));
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { film.learn({.motions = {"../bowing"}}); }), HasSubstr("--motion: found \"../bowing\""));
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { film.learn({.characters = {"baer"}}); }), HasSubstr("did you mean \"bear\"?"));
}

TEST(LearnFilm, ForceLearnsAnew) {
  PriorFilm film;
  film.learn();
  film.learn({.characters = {"bear"}, .options = {.force = true}});
  EXPECT_THAT(film.engine.use.learnt, ElementsAre("motion cartwheeling", "character bear", "character bear"));
  EXPECT_EQ(film_status(film.root()).artefacts.at(1).verdict.freshness, Freshness::fresh);
}

TEST(LearnFilm, AForcedLearningThatFailsLeavesThePriorThatWasThere) {
  PriorFilm film;
  film.learn();
  const fs::path file = film.library() / film.key(kSubject) / "prior.safetensors";
  const std::string bytes = read_bytes(file);
  film.engine.on_event = [&](const std::string& event) {
    EXPECT_EQ(read_bytes(file), bytes) << "other films use it meanwhile";
    if (event.starts_with("half learnt")) throw Error(ErrorKind::numerical, "the loss is NaN");
  };
  expect_error(ErrorKind::numerical, [&] { film.learn({.characters = {"bear"}, .options = {.force = true}}); });
  EXPECT_EQ(read_bytes(file), bytes);
  film.engine.on_event = nullptr;
  film.engine.use = {};
  EXPECT_EQ(film.learn().priors[1].source, PriorSource::reused);
  EXPECT_THAT(film.engine.use.learnt, IsEmpty());
}

TEST(LearnFilm, AFileThatCameWhileItWasLearntStays) {
  PriorFilm film;
  const fs::path place = film / "characters/bear/prior.safetensors";
  film.engine.on_event = [&](const std::string& event) {
    if (event == "learnt character bear") write_text(place, "somebody's own");
  };
  Notes notes;
  film.run.progress = &notes;
  film.learn();
  EXPECT_EQ(read_bytes(place), "somebody's own");
  EXPECT_THAT(notes.notes, Contains(HasSubstr("character bear: characters/bear/prior.safetensors is a file of your own by now")));
}

TEST(LearnFilm, APictureThatChangesMeanwhileIsNotKeptUnderTheOldKey) {
  PriorFilm film;
  film.engine.on_event = [&](const std::string& event) {
    if (event == "learnt motion cartwheeling") write_text(film / "characters/bear/0.png", "another bear");
  };
  const std::string key = film.key(kSubject);
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { film.learn(); }), HasSubstr("0.png: was changed while character bear was learnt from it"));
  EXPECT_FALSE(fs::exists(film.library() / key / "record.json"));
  EXPECT_FALSE(fs::exists(film.library() / key / "prior.safetensors"));
  film.engine.on_event = nullptr;
  EXPECT_EQ(film.learn().priors[1].source, PriorSource::learnt);
  EXPECT_NE(film.key(kSubject), key);
}

TEST(LearnFilm, NothingToLearnFromIsSaid) {
  test::SmallFilm film;
  LearnFilmRequest request;
  request.film = film.root();
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { learn_film(request, [&]() -> Engine& { return film.engine; }, film.run); }), HasSubstr("nothing to learn from"));
}

TEST(LearnFilm, ADamagedPriorIsKeptAsideAndLearntAgain) {
  PriorFilm film;
  film.learn();
  const auto good = tree_of(film.library());
  const fs::path file = film.library() / film.key(kMotion) / "prior.safetensors";
  const std::string bytes = read_bytes(file);
  std::string flipped = bytes;
  flipped[bytes.size() / 2] ^= 1;
  for (const std::string& bad : {flipped, bytes.substr(0, 20), std::string()}) {
    write_text(file, bad);
    Notes notes;
    film.run.progress = &notes;
    film.engine.use = {};
    film.learn();
    EXPECT_THAT(film.engine.use.learnt, ElementsAre("motion cartwheeling"));
    EXPECT_EQ(read_bytes(file.string() + ".bad"), bad);
    EXPECT_THAT(notes.notes, Contains(AllOf(HasSubstr("motion cartwheeling"), HasSubstr("kept as prior.safetensors.bad"))));
    fs::remove(file.string() + ".bad");
    EXPECT_EQ(tree_of(film.library()), good);
  }
  write_text(film.library() / film.key(kMotion) / "record.json", "{");
  film.run.progress = nullptr;
  film.learn();
  fs::remove(file.string() + ".bad");
  EXPECT_EQ(tree_of(film.library()), good) << "a damaged record is no better";
}

TEST(LearnFilm, StrictRefusesWhatIsMissingAndTouchesNothing) {
  PriorFilm film;
  film.clips["clips"] = Json::array();
  film.save();
  const auto before = tree_of(film.root());
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { film.learn({.strict = true}); }), HasSubstr("cartwheeling"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { make_film({film.root(), {}, {}, true}, [&]() -> Engine& { return film.engine; }, film.run); }), HasSubstr("cartwheeling"));
  EXPECT_EQ(tree_of(film.root()), before);
  EXPECT_FALSE(fs::exists(film.library()));
  Notes notes;
  film.run.progress = &notes;
  film.make();
  EXPECT_THAT(notes.notes, Contains(HasSubstr("no clips, so left to the model: cartwheeling")));
  EXPECT_TRUE(fs::exists(film / "film.mp4"));
}

TEST(MakeFilmPriors, LearnsWhatScenesWantAndHandsItToThem) {
  PriorFilm film;
  const MakeResult result = film.make();
  EXPECT_THAT(film.engine.use.learnt, ElementsAre("character bear", "motion cartwheeling"));
  EXPECT_THAT(result.priors, SizeIs(2));
  const auto& jobs = film.engine.use.jobs;
  ASSERT_THAT(jobs, SizeIs(2));
  ASSERT_THAT(jobs[0].priors, SizeIs(1));
  EXPECT_EQ(jobs[0].priors[0].file.string(), (fs::absolute(film.library()).lexically_normal() / film.key(kSubject) / "prior.safetensors").string());
  EXPECT_THAT(jobs[0].priors[0].places, ElementsAre(RegionPlace{0, 0}, RegionPlace{1, 0}));
  ASSERT_THAT(jobs[1].priors, SizeIs(2));
  EXPECT_THAT(jobs[1].priors[0].places, ElementsAre(RegionPlace{0, 0})) << "the cartwheel is in the first key frame";
  EXPECT_FALSE(jobs[1].priors[0].everywhere);
  EXPECT_TRUE(result.joined);
}

TEST(MakeFilmPriors, AFreshFilmLooksAtNoLibrary) {
  PriorFilm film;
  film.make();
  fs::remove_all(film.library());
  film.engine.use = {};
  const MakeResult result = film.make();
  EXPECT_THAT(film.engine.use.learnt, IsEmpty());
  EXPECT_THAT(result.priors, IsEmpty());
  EXPECT_TRUE(film_status(film.root()).fresh());
}

TEST(MakeFilmPriors, OnlyScenesThatAPriorActsInAreMadeAgain) {
  PriorFilm film;
  film.make();
  const auto remade = [&](const SettingOverrides& overrides) {
    film.engine.use = {};
    film.make(overrides);
    return film.engine.use.denoised;
  };
  SettingOverrides overrides;
  overrides.prior_weights = {"cartwheeling=0.5"};
  EXPECT_THAT(remade(overrides), ElementsAre("scene 2"));
  overrides.prior_weights = {"bear=0"};
  EXPECT_THAT(remade(overrides), ElementsAre("scene 1", "scene 2"));
  EXPECT_THAT(film.engine.use.jobs[0].priors, IsEmpty());
  overrides = {};
  overrides.no_priors = true;
  EXPECT_THAT(remade(overrides), ElementsAre("scene 2")) << "scene 1 has just been made without any";
  overrides = {};
  overrides.lora_scope = "global";
  EXPECT_THAT(remade(overrides), ElementsAre("scene 1", "scene 2"));
  EXPECT_TRUE(film.engine.use.jobs[1].priors[0].everywhere);
  EXPECT_THAT(film.engine.use.learnt, IsEmpty()) << "nothing of it changes what is learnt";
}

TEST(MakeFilmPriors, AnotherCaptionInThePlanLearnsNothingAgain) {
  PriorFilm film;
  film.make();
  film.plan.scenes[1].key_frames[0].regions[0].caption = "a [v1] brown bear turns a cartwheel";
  film.save();
  film.engine.use = {};
  film.make();
  EXPECT_THAT(film.engine.use.learnt, IsEmpty());
  EXPECT_THAT(film.engine.use.denoised, ElementsAre("scene 2"));
}

TEST(MakeFilmPriors, OneSceneLearnsWhatItWantsItself) {
  PriorFilm film;
  film.make({}, 1);
  EXPECT_THAT(film.engine.use.learnt, ElementsAre("character bear"));
}

TEST(MakeFilmPriors, AFileOfOnesOwnIsUsedAndSaid) {
  PriorFilm film;
  std::vector<TensorEntry> tensors{{.name = "a", .type = TensorType::f32, .shape = {1}, .offset = 0, .size = 0}};
  const fs::path place = film / "motions/cartwheeling/prior.safetensors";
  write_text(place, make_safetensors_header(tensors, {}) + "1234");
  const std::string bytes = read_bytes(place);
  Notes notes;
  film.run.progress = &notes;
  film.make();
  EXPECT_THAT(film.engine.use.learnt, ElementsAre("character bear"));
  EXPECT_EQ(film.engine.use.jobs[1].priors[0].file.string(), place.string());
  EXPECT_THAT(notes.notes, Contains(HasSubstr("motions/cartwheeling/prior.safetensors is a file of your own")));
  EXPECT_EQ(read_bytes(place), bytes);
  EXPECT_FALSE(fs::is_symlink(place));
}

TEST(MakeFilmPriors, StatusTellsPriorsToo) {
  PriorFilm film;
  const auto verdict = [&](size_t index) { return film_status(film.root()).artefacts.at(index); };
  EXPECT_EQ(verdict(0).name, "motions/cartwheeling/prior.safetensors");
  EXPECT_EQ(verdict(0).verdict.freshness, Freshness::missing);
  EXPECT_EQ(verdict(0).verdict.reason, "to be learnt from 2 clips");
  film.learn();
  EXPECT_TRUE(verdict(0).verdict.fresh() && verdict(1).verdict.fresh());
  write_text(film.library() / film.key(kSubject) / "prior.safetensors", "x");
  EXPECT_EQ(verdict(1).verdict.freshness, Freshness::damaged);
}

TEST(PriorLocks, TheSecondRunWaitsSaysSoAndLearnsNothing) {
  PriorFilm one;
  Notes notes;
  one.run.progress = &notes;
  const PriorLibrary library(fs::absolute(one.library()).lexically_normal());
  const std::string key = one.key(kMotion);
  auto lock = std::make_unique<PriorLock>(library, key, "motion cartwheeling", true, one.run);
  EXPECT_THAT(expect_error(ErrorKind::busy, [&] { one.learn({.motions = {"cartwheeling"}, .options = {.force = false, .wait = false}}); }),
              AllOf(HasSubstr("motion cartwheeling: another run learns it: process " + std::to_string(::getpid()))));
  // Another run learns it meanwhile and lets go.
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    write_text(library.file(key), "learnt by another");
    library.record(key, one.open().priors.all[0].inputs, Json::object());
    lock.reset();
  });
  const LearnFilmResult result = one.learn({.motions = {"cartwheeling"}});
  other.join();
  EXPECT_EQ(result.priors[0].source, PriorSource::reused);
  EXPECT_THAT(one.engine.use.learnt, IsEmpty());
  EXPECT_THAT(notes.notes, ElementsAre(AllOf(HasSubstr("motion cartwheeling: another run learns it"), HasSubstr("waiting for it"))));
}

TEST(PriorLocks, WaitingCanBeStopped) {
  PriorFilm film;
  const PriorLibrary library(fs::absolute(film.library()).lexically_normal());
  const PriorLock lock(library, film.key(kMotion), "motion cartwheeling", true, film.run);
  std::stop_source stop;
  film.run.stop = stop.get_token();
  std::thread soon([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop.request_stop();
  });
  expect_error(ErrorKind::interrupted, [&] { film.learn({.motions = {"cartwheeling"}}); });
  soon.join();
}

/// The film's folder and its library, once all is made.
std::pair<std::map<std::string, std::string>, std::map<std::string, std::string>> trees_of(const PriorFilm& film) { return {tree_of(film.root()), tree_of(film.library())}; }

/// Events of `make` while it learns: learn, half learnt, learnt, for two priors.
constexpr int kLearningEvents = 6;

TEST(LearningInterrupted, AStopAtAnyEventLeavesTheWorkAndGoesOnToTheSameBytes) {
  PriorFilm whole;
  whole.make();
  for (int stop_at = 0; stop_at < kLearningEvents; ++stop_at) {
    PriorFilm film;
    std::stop_source stop;
    film.run.stop = stop.get_token();
    int event = 0;
    film.engine.on_event = [&](const std::string&) {
      if (event++ == stop_at) stop.request_stop();
    };
    expect_error(ErrorKind::interrupted, [&] { film.make(); });
    const std::string work = film.key(stop_at < 3 ? kSubject : kMotion) + "/work/state";
    EXPECT_EQ(fs::exists(film.library() / work), stop_at % 3 == 1) << "stopped at event " << stop_at;
    film.run.stop = {};
    film.engine.on_event = nullptr;
    const MakeResult result = film.make();
    if (stop_at % 3 == 1) {
      EXPECT_GT(result.priors.at(stop_at < 3 ? 0 : 1).learning.resumed_from, 0) << "stopped at event " << stop_at;
    }
    EXPECT_EQ(trees_of(film), trees_of(whole)) << "stopped at event " << stop_at;
  }
}

TEST(LearningInterrupted, AKillAtAnyEventGoesOnToTheSameBytes) {
  PriorFilm whole;
  whole.make();
  for (int kill_at = 0; kill_at < kLearningEvents; ++kill_at) {
    PriorFilm film;
    ASSERT_NO_FATAL_FAILURE(test::make_and_kill(film, kill_at));
    film.make();
    EXPECT_EQ(trees_of(film), trees_of(whole)) << "killed at event " << kill_at;
  }
}

TEST(LearningInterrupted, WhatAKilledRunLeftHalfWrittenIsSwept) {
  PriorFilm film;
  film.learn();
  const fs::path folder = film.library() / film.key(kMotion);
  fs::remove(folder / "record.json");  // Killed before the record.
  write_text(folder / ".prior.safetensors.1.1.tmp", "half");
  write_text(folder / ".record.json.1.1.tmp", "half");
  fs::create_symlink("somewhere", film / "motions/cartwheeling/.prior.safetensors.1.1.tmp");
  film.learn();
  EXPECT_FALSE(fs::exists(folder / ".prior.safetensors.1.1.tmp") || fs::exists(folder / ".record.json.1.1.tmp"));
  EXPECT_FALSE(fs::is_symlink(film / "motions/cartwheeling/.prior.safetensors.1.1.tmp"));
}

TEST(LearningInterrupted, AnEngineThatFailsLeavesNoPrior) {
  PriorFilm film;
  film.engine.on_event = [](const std::string& event) {
    if (event == "half learnt character bear") throw Error(ErrorKind::numerical, "character bear: step 3: the loss is NaN");
  };
  expect_error(ErrorKind::numerical, [&] { film.make(); });
  EXPECT_FALSE(fs::exists(film.library() / film.key(kSubject) / "record.json"));
  EXPECT_FALSE(fs::exists(fs::symlink_status(film / "characters/bear/prior.safetensors")));
  EXPECT_FALSE(fs::exists(film / "scenes"));
}

}  // namespace
}  // namespace dreamrunner
