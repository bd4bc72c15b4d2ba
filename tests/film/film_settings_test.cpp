#include "film/film_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "film/setting_checks.h"
#include "small_film.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

using test::expect_error;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

FilmSettings load(const std::string& text) {
  const test::TemporaryFolder folder;
  test::write_text(folder / "film.toml", text);
  return load_film_settings(folder / "film.toml");
}

TEST(FilmSettings, AnEmptyFileIsAllDefaults) {
  const FilmSettings settings = load("");
  EXPECT_EQ(settings.title, "");
  EXPECT_EQ(settings.seed, 0);
  EXPECT_EQ(settings.plan, "plan/plan.json");
  EXPECT_EQ(settings.model, "playset");
  EXPECT_EQ(settings.generate.device, "auto");
  EXPECT_EQ(settings.generate.dtype, "auto");
  EXPECT_EQ(settings.generate.noise_dtype, "fp32");
  EXPECT_EQ(settings.generate.sampler, "auto");
  EXPECT_EQ(settings.generate.interpolation, "repeat");
  EXPECT_EQ(settings.generate.steps, 50);
  EXPECT_EQ(settings.generate.guidance_scale, 6.0);
  EXPECT_EQ(settings.generate.negative_prompt, "");
  EXPECT_FALSE(settings.generate.vae_tiling);
  EXPECT_FALSE(settings.generate.num_frames || settings.generate.height || settings.generate.width || settings.fps);
  EXPECT_EQ(settings.planner.kind, "layout");
  EXPECT_EQ(settings.planner.key_frames, 6);
}

TEST(FilmSettings, ReadsEveryKey) {
  const FilmSettings settings = load(R"(
title = "A day of the witch"
seed = 7
story = "story.txt"
topic = "one day"
plan = "other.json"
[model]
path = "THUDM/CogVideoX-2b"
device = "cuda"
dtype = "bf16"
[generate]
steps = 25
guidance_scale = 9
negative_prompt = "blurred"
num_frames = 48
height = 480
width = 720
sampler = "dpm"
interpolation = "linear"
noise_dtype = "model"
vae_tiling = true
fps = 23.976
[planner]
kind = "chat"
key_frames = 4
min_scenes = 3
max_scenes = 4
max_motions = 5
url = "https://example.org/v1"
model = "a model"
key_env = "MY_KEY"
temperature = 0.5
request_timeout = 30
deadline = 100
prompts = "prompts"
replies = "replies"
[library]
path = "clips"
[[character]]
id = "witch"
token = "[v1]"
name = "girl witch"
pictures = "characters/witch/*.png"
[[character]]
id = "cat"
pictures = ["a.png", "b.png"]
)");
  EXPECT_EQ(settings.title, "A day of the witch");
  EXPECT_EQ(settings.seed, 7);
  EXPECT_EQ(settings.story, "story.txt");
  EXPECT_EQ(settings.topic, "one day");
  EXPECT_EQ(settings.plan, "other.json");
  EXPECT_EQ(settings.model, "THUDM/CogVideoX-2b");
  const GenerationSettings& generate = settings.generate;
  EXPECT_EQ(generate.device, "cuda");
  EXPECT_EQ(generate.dtype, "bf16");
  EXPECT_EQ(generate.steps, 25);
  EXPECT_EQ(generate.guidance_scale, 9.0);
  EXPECT_EQ(generate.negative_prompt, "blurred");
  EXPECT_EQ(generate.num_frames, 48);
  EXPECT_EQ(generate.height, 480);
  EXPECT_EQ(generate.width, 720);
  EXPECT_EQ(generate.sampler, "dpm");
  EXPECT_EQ(generate.interpolation, "linear");
  EXPECT_EQ(generate.noise_dtype, "model");
  EXPECT_TRUE(generate.vae_tiling);
  EXPECT_EQ(settings.fps, 23.976);
  EXPECT_EQ(settings.planner.kind, "chat");
  EXPECT_EQ(settings.planner.key_frames, 4);
  EXPECT_EQ(settings.planner.min_scenes, 3);
  EXPECT_EQ(settings.planner.max_scenes, 4);
  EXPECT_EQ(settings.planner.max_motions, 5);
  EXPECT_EQ(settings.planner.chat.url, "https://example.org/v1");
  EXPECT_EQ(settings.planner.chat.model, "a model");
  EXPECT_EQ(settings.planner.chat.key_env, "MY_KEY");
  EXPECT_EQ(settings.planner.chat.temperature, 0.5);
  EXPECT_EQ(settings.planner.chat.request_timeout_s, 30);
  EXPECT_EQ(settings.planner.chat.deadline_s, 100);
  EXPECT_EQ(settings.planner.prompts, "prompts");
  EXPECT_EQ(settings.planner.replies, "replies");
  EXPECT_EQ(settings.library.path, "clips");
  ASSERT_EQ(settings.characters.size(), 2u);
  EXPECT_EQ(settings.characters[0].character, (Character{"witch", "[v1]", "girl witch"}));
  EXPECT_THAT(settings.characters[0].pictures, ElementsAre("characters/witch/*.png"));
  EXPECT_THAT(settings.characters[1].pictures, ElementsAre("a.png", "b.png"));
}

struct Fault {
  const char* text;
  ErrorKind kind;
  const char* message;  ///< A part of the one-line error.
};

class FilmSettingsFaults : public ::testing::TestWithParam<Fault> {};

TEST_P(FilmSettingsFaults, AreRefusedWithPlaceAndWayOut) {
  const std::string line = expect_error(GetParam().kind, [] { load(GetParam().text); });
  EXPECT_THAT(line, HasSubstr(GetParam().message));
  EXPECT_THAT(line, HasSubstr("film.toml:"));
}

constexpr ErrorKind kUsage = ErrorKind::usage;
constexpr ErrorKind kFile = ErrorKind::input_file;

INSTANTIATE_TEST_SUITE_P(
    All, FilmSettingsFaults,
    ::testing::Values(
        // Not TOML: the file is at fault, with line and column.
        Fault{"seed = 7\ntitle = \"open\n", kFile, "film.toml:2:"}, Fault{"seed 7", kFile, "film.toml:1:6: "},
        Fault{"seed = 1\nseed = 2", kFile, "film.toml:2:"}, Fault{"[model\n", kFile, "film.toml:1:"},
        Fault{"title = \"\xff\"", kFile, "film.toml:1:"}, Fault{"title = 'a\x01'", kFile, "film.toml:1:"},
        // Unknown keys, with the nearest or where it belongs.
        Fault{"sed = 7", kUsage, "film.toml:1: sed: unknown key; did you mean \"seed\"?"},
        Fault{"\n[generate]\nguidance_scal = 3", kUsage, "film.toml:3: generate.guidance_scal: unknown key; did you mean \"guidance_scale\"?"},
        Fault{"[generate]\nseed = 3", kUsage, "generate.seed: unknown key; it belongs at the top of the file"},
        Fault{"steps = 3", kUsage, "steps: unknown key; it belongs under [generate]"},
        Fault{"[modle]\npath = 'x'", kUsage, "modle: unknown key; did you mean \"model\"?"},
        Fault{"[library]\nwhatever = 1", kUsage, "library.whatever: unknown key; known here: aspect, b, "},
        Fault{"[planner]\nkind = 'chat'\nurl_of_server = 'x'", kUsage, "film.toml:3: planner.url_of_server: unknown key"},
        Fault{"[[character]]\nid = 'a'\npicture = 'x'", kUsage, "character.picture: unknown key; did you mean \"pictures\"?"},
        Fault{"vae_tiling = true", kUsage, "vae_tiling: unknown key; it belongs under [generate]"},
        // Wrong types.
        Fault{"[generate]\nvae_tiling = 1", kUsage, "film.toml:2: generate.vae_tiling: found 1, true or false expected"},
        Fault{"[generate]\nvae_tiling = 'on'", kUsage, "generate.vae_tiling: found the text \"on\""},
        Fault{"seed = 7.0", kUsage, "film.toml:1: seed: found 7.0, a whole number expected"},
        Fault{"seed = \"7\"", kUsage, "seed: found the text \"7\", a whole number expected"},
        Fault{"title = 3", kUsage, "title: found 3, a text in quotes expected"},
        Fault{"title = true", kUsage, "title: found true, a text"}, Fault{"title = 2024-01-01", kUsage, "title: found 2024-01-01, a text"},
        Fault{"[generate]\nguidance_scale = [6]", kUsage, "generate.guidance_scale: found a list, a number expected"},
        Fault{"model = \"playset\"", kUsage, "model: found the text \"playset\", a table [model] expected"},
        Fault{"[character]\nid = 'a'", kUsage, "character: found a table, tables [[character]] expected"},
        Fault{"character = [1]", kUsage, "tables [[character]] expected"},
        Fault{"[[character]]\nid = 'a'\npictures = ['x', 3]", kUsage, "character.pictures: found 3 in the list, texts in quotes expected"},
        // Ranges, with the nearest that works.
        Fault{"[generate]\nsteps = 0", kUsage, "film.toml:2: generate.steps: found 0, 1 to 1000 expected; the nearest that works is 1"},
        Fault{"[generate]\nsteps = 1001", kUsage, "the nearest that works is 1000"},
        Fault{"[generate]\nguidance_scale = -0.5", kUsage, "found -0.5, 0 to 1000 expected; the nearest that works is 0"},
        Fault{"[generate]\nguidance_scale = nan", kUsage, "found nan"}, Fault{"[generate]\nguidance_scale = inf", kUsage, "found inf"},
        Fault{"seed = -1", kUsage, "seed: found -1, 0 to 9223372036854710272 expected; the nearest that works is 0"},
        Fault{"seed = 9223372036854775807", kUsage, "the nearest that works is 9223372036854710272"},
        Fault{"seed = 9223372036854775808", kUsage, "film.toml:1:"},
        Fault{"[generate]\nnum_frames = 0", kUsage, "the nearest that works is 1"},
        Fault{"[generate]\nheight = 15", kUsage, "the nearest that works is 16"},
        Fault{"[generate]\nwidth = 100000", kUsage, "the nearest that works is 8192"},
        Fault{"[generate]\nfps = 0", kUsage, "the nearest that works is 1"},
        Fault{"[planner]\nkey_frames = 0", kUsage, "the nearest that works is 1"},
        // Choices.
        Fault{"[model]\ndtype = \"fp23\"", kUsage, "model.dtype: found \"fp23\", one of auto, fp32, fp16, bf16 expected; did you mean \"fp32\"?"},
        Fault{"[model]\ndevice = \"gpu\"", kUsage, "one of auto, cpu, cuda expected"},
        Fault{"[generate]\nsampler = \"euler\"", kUsage, "one of auto, ddim, dpm expected"},
        Fault{"[generate]\ninterpolation = \"cubic\"", kUsage, "one of repeat, linear expected"},
        Fault{"[generate]\nnoise_dtype = \"fp16\"", kUsage, "one of fp32, model expected"},
        Fault{"[planner]\nkind = \"magic\"", kUsage, "one of layout, chat, recorded expected"},
        // What must be said, and names.
        Fault{"[[character]]\nname = 'x'", kUsage, "character.id: missing"},
        Fault{"[[character]]\nid = '../x'", kUsage, "character.id: found \"../x\", 1 to 64 of a-z"},
        Fault{"[[character]]\nid = ''", kUsage, "character.id: found \"\""},
        Fault{"[[character]]\nid = 'a'\n[[character]]\nid = 'a'", kUsage, "film.toml:4: character.id: \"a\" is the id of two characters"},
        Fault{"[planner]\nreplies = ''", kUsage, "planner.replies: found \"\", a path inside the film's folder expected"},
        Fault{"[planner]\nreplies = '/tmp/x'", kUsage, "planner.replies: found \"/tmp/x\""},
        Fault{"[planner]\nreplies = 'a/../../x'", kUsage, "planner.replies: found \"a/../../x\""},
        Fault{"[planner]\nreplies = '.'", kUsage, "planner.replies: found \".\""},
        Fault{"topic = 'x'\nplan = '../../x.json'", kUsage, "film.toml:2: plan: found \"../../x.json\", a path inside"},
        Fault{"story = 'x'\nplan = '/x.json'", kUsage, "plan: found \"/x.json\""},
        // A plan that the program writes must not take another file's place.
        Fault{"story = 'story.txt'\nplan = './story.txt'", kUsage, "film.toml:2: plan: found \"./story.txt\", which is something else's name in a film"},
        Fault{"topic = 'x'\nplan = 'film.toml'", kUsage, "plan: found \"film.toml\", which is something else's"},
        Fault{"topic = 'x'\nplan = 'film.mp4'", kUsage, "plan: found \"film.mp4\", which is something else's"},
        Fault{"topic = 'x'\nplan = 'scenes/01/scene.mp4'", kUsage, "plan: found \"scenes/01/scene.mp4\", which is something else's"},
        Fault{"topic = 'x'\nplan = 'a/../.dreamrunner/journal.jsonl'", kUsage, "which is something else's"},
        Fault{"[model]\npath = \"playset\\u0000x\"", kUsage, "film.toml:2: model.path: found a text with the character U+0000"},
        Fault{"[[character]]\nid = 'a'\npictures = [\"\\u0000\"]", kUsage, "film.toml:3: character.pictures: found a text with the character U+0000"},
        // Texts that a plan takes over.
        Fault{"seed = 1\ntitle = \"a\\u0007\"", kUsage, "film.toml:2: title: control character U+0007 at byte 2"},
        Fault{"title = '  '", kUsage, "film.toml:1: title: found nothing but blanks, a text expected"},
        Fault{"[[character]]\nid = 'a'\nname = \" \\t\"", kUsage, "film.toml:3: character.name: found nothing but blanks"},
        Fault{"[[character]]\nid = 'a'\ntoken = \"[v\\u001b]\"", kUsage, "film.toml:3: character.token: control character U+001B"},
        Fault{"[[character]]\nid = 'a'\nname = \"a\\nb\"", kUsage, "character.name: control character U+000A"},
        Fault{"plan = ''", kUsage, "plan: found an empty text"}, Fault{"[model]\npath = ''", kUsage, "model.path: found an empty text"}));

TEST(FilmSettings, AStoryThatALanguageModelIsToldLiesInTheFilm) {
  const test::TemporaryFolder folder;
  test::write_text(folder / "private.txt", "my diary");
  test::write_text(folder / "film/story.txt", "a story");
  namespace fs = std::filesystem;
  fs::create_symlink(folder / "private.txt", folder / "film/link.txt");
  fs::create_symlink("story.txt", folder / "film/own-link.txt");
  fs::create_directory_symlink(folder.path(), folder / "film/up");
  fs::create_directory_symlink("film", folder / "another-name");
  const auto load_with = [&](const std::string& story, const char* kind, const char* film = "film") {
    test::write_text(folder / "film/film.toml", "seed = 1\nstory = \"" + story + "\"\n[planner]\nkind = \"" + kind + "\"\n");
    return load_film_settings(folder / film / "film.toml");
  };
  for (const std::string& story : {std::string("../private.txt"), (folder / "private.txt").string(), std::string("link.txt"), std::string("up/private.txt"), std::string("up/no-file.txt")}) {
    SCOPED_TRACE(story);
    EXPECT_THAT(expect_error(ErrorKind::usage, [&] { load_with(story, "chat"); }), AllOf(HasSubstr("film.toml:2: story: "), HasSubstr("a language model is told")));
    EXPECT_EQ(load_with(story, "layout").story, story) << "what leaves this machine is what counts";
  }
  for (const char* story : {"story.txt", "./story.txt", "own-link.txt", "not-there-yet.txt", "up/film/story.txt"}) {
    EXPECT_EQ(load_with(story, "chat").story, story);
    EXPECT_EQ(load_with(story, "chat", "another-name").story, story) << "a film may be reached through a link";
  }
}

TEST(FilmSettings, WhatIsWrittenLiesInTheFilmLinksFollowed) {
  const test::TemporaryFolder folder;
  namespace fs = std::filesystem;
  fs::create_directories(folder / "victim");
  fs::create_directories(folder / "film/own");
  fs::create_directory_symlink("../victim", folder / "film/out");
  fs::create_directory_symlink("own", folder / "film/plan");
  const auto load_with = [&](const std::string& text) {
    test::write_text(folder / "film/film.toml", text);
    return load_film_settings(folder / "film/film.toml");
  };
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { load_with("topic = 'x'\nplan = 'out/authorized_keys'"); }), HasSubstr("a link out of the film's folder"));
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { load_with("[planner]\nreplies = 'out'"); }), HasSubstr("planner.replies: found \"out\", a link out of"));
  EXPECT_EQ(load_with("topic = 'x'").plan, "plan/plan.json") << "a link within the film";
  EXPECT_EQ(load_with("plan = 'out/plan.json'").plan, "out/plan.json") << "a plan by hand is only read";
  fs::remove(folder / "film/plan");
  fs::create_directory_symlink("../victim", folder / "film/plan");
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { load_with("topic = 'x'"); }), HasSubstr("plan: found \"plan/plan.json\", a link out of"));
}

TEST(FilmSettings, KeysOfManyPartsAreRefusedBeforeTheyNest) {
  const auto chain = [](const std::string& part, int count) {
    std::string key = part;
    for (int i = 1; i < count; ++i) key += "." + part;
    return key;
  };
  for (const std::string& text : {"seed = 1\n" + chain("a", 100'000) + " = 1", "seed = 1\n[" + chain("a", 100'000) + "]", "seed = 1\n" + chain("\"a\"", 100'000) + " = 1",
                                  "seed = 1\nx = {" + chain("'a'", 65 + 1) + " = 1}"}) {
    EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { load(text); }), HasSubstr("film.toml:2: a key of more than 64 parts")) << text.substr(0, 30);
  }
  const std::string dots(200, '.');
  EXPECT_EQ(load("topic = \"\"\"\nwait" + dots + " \\\"\"\" " + dots + "\"\"\" # " + dots + "\ntitle = 'a" + dots + "'").title, "a" + dots);
}

TEST(FilmSettings, AMissingOrHugeFileIsRefused) {
  const test::TemporaryFolder folder;
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { load_film_settings(folder / "film.toml"); }), HasSubstr("no such file"));
  test::write_text(folder / "film.toml", std::string((1 << 20) + 1, ' '));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { load_film_settings(folder / "film.toml"); }), HasSubstr("at most 1048576"));
}

TEST(FilmSettings, ATildeIsTheHomeFolder) {
  const std::string home = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
  ::setenv("HOME", "/home/somebody", 1);
  const FilmSettings settings = load(R"(
story = "~/story.txt"
[priors]
library = "~/priors"
[library]
path = "~/clips"
scorers = "~/scorers"
[[character]]
id = "witch"
token = "[v1]"
pictures = ["~/witch/*.png", "~witch.png"])");
  home.empty() ? ::unsetenv("HOME") : ::setenv("HOME", home.c_str(), 1);
  EXPECT_EQ(settings.story, "/home/somebody/story.txt");
  EXPECT_EQ(settings.priors.library, "/home/somebody/priors");
  EXPECT_EQ(settings.library.path, "/home/somebody/clips");
  EXPECT_EQ(settings.library.scorers, "/home/somebody/scorers");
  EXPECT_THAT(settings.characters.at(0).pictures, testing::ElementsAre("/home/somebody/witch/*.png", "~witch.png"));
}

TEST(FilmSettings, AModelPathIsSeenFromTheFilm) {
  const test::SmallFilm film;
  EXPECT_EQ(load_film_settings(film / "film.toml").model, film.model().string());
  test::write_text(film / "film.toml", "[model]\npath = \"ORG/NAME\"");
  EXPECT_EQ(load_film_settings(film / "film.toml").model, "ORG/NAME");
}

TEST(FilmSettings, TheCommandLineGoesOverTheFile) {
  FilmSettings settings = load("seed = 7\n[generate]\nsteps = 25\nnegative_prompt = 'x'\nvae_tiling = true");
  SettingOverrides overrides;
  overrides.steps = 3;
  overrides.guidance_scale = 0.0;
  overrides.negative_prompt = "";
  overrides.num_frames = 16;
  overrides.model = "playset";
  overrides.dtype = "fp16";
  apply_overrides(settings, overrides);
  EXPECT_EQ(settings.seed, 7);
  EXPECT_EQ(settings.generate.steps, 3);
  EXPECT_EQ(settings.generate.guidance_scale, 0.0);
  EXPECT_EQ(settings.generate.negative_prompt, "");
  EXPECT_EQ(settings.generate.num_frames, 16);
  EXPECT_EQ(settings.generate.dtype, "fp16");
  EXPECT_TRUE(settings.generate.vae_tiling) << "an option can only turn it on";
}

TEST(FilmSettings, OptionsAreCheckedLikeKeys) {
  FilmSettings settings;
  const auto refused = [&](auto member, auto value) {
    SettingOverrides overrides;
    overrides.*member = value;
    return expect_error(ErrorKind::usage, [&] { apply_overrides(settings, overrides); });
  };
  EXPECT_THAT(refused(&SettingOverrides::steps, 0), StartsWith("--steps: found 0, 1 to 1000 expected"));
  EXPECT_THAT(refused(&SettingOverrides::seed, -1), StartsWith("--seed: found -1"));
  EXPECT_THAT(refused(&SettingOverrides::num_frames, 5000), StartsWith("--num-frames: found 5000"));
  EXPECT_THAT(refused(&SettingOverrides::height, 1), StartsWith("--height: found 1"));
  EXPECT_THAT(refused(&SettingOverrides::width, 1), StartsWith("--width: found 1"));
  EXPECT_THAT(refused(&SettingOverrides::guidance_scale, -1.0), StartsWith("--guidance-scale: found -1"));
  EXPECT_THAT(refused(&SettingOverrides::device, "tpu"), StartsWith("--device: found \"tpu\""));
  EXPECT_THAT(refused(&SettingOverrides::dtype, "int8"), StartsWith("--dtype: "));
  EXPECT_THAT(refused(&SettingOverrides::noise_dtype, ""), StartsWith("--noise-dtype: "));
  EXPECT_THAT(refused(&SettingOverrides::sampler, "DDIM"), StartsWith("--sampler: "));
  EXPECT_THAT(refused(&SettingOverrides::interpolation, "none"), StartsWith("--interpolation: "));
  EXPECT_THAT(refused(&SettingOverrides::model, ""), StartsWith("--model: "));
}

TEST(SettingChecks, NearestWordTakesSlipsAndNothingElse) {
  const std::vector<std::string_view> known{"steps", "guidance_scale", "seed"};
  EXPECT_EQ(nearest_word("step", known), "steps");
  EXPECT_EQ(nearest_word("guidancescale", known), "guidance_scale");
  EXPECT_EQ(nearest_word("guidance", known), "");
  EXPECT_EQ(nearest_word("brightness", known), "");
  EXPECT_EQ(nearest_word("", known), "");
}

}  // namespace
}  // namespace dreamrunner
