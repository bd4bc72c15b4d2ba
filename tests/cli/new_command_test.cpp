#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "film/film_settings.h"
#include "film/new_film.h"
#include "film/plan_film.h"
#include "film/small_film.h"
#include "support/error_of.h"
#include "support/program_run.h"

namespace dreamrunner::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(NewCommand, WritesAFilmThatCanBePlannedAtOnce) {
  for (const FilmTemplate& one : film_templates()) {
    const TemporaryFolder folder;
    const std::string film = (folder / "film").string();
    const ProgramResult made = run({"new", film, "--template", one.name});
    EXPECT_EQ(made.code, 0) << made.err;
    EXPECT_THAT(made.out, HasSubstr("wrote story.txt and film.toml into"));
    const ProgramResult planned = run({"plan", film});
    EXPECT_EQ(planned.code, 0) << planned.err;
    const ProgramResult checked = run({"plan", film, "--check"});
    EXPECT_EQ(checked.code, 0) << checked.err;
    EXPECT_THAT(checked.out, HasSubstr("nothing to find fault with")) << one.name;
  }
}

TEST(NewCommand, NeverOverwrites) {
  const TemporaryFolder folder;
  for (const char* name : {"film.toml", "story.txt"}) {
    const fs::path film = folder / (std::string("film-") + name);
    write_text(film / name, "mine");
    const auto before = tree_of(film);
    const ProgramResult result = run({"new", film.string()});
    EXPECT_EQ(result.code, 2);
    EXPECT_THAT(result.err, HasSubstr("is there already"));
    EXPECT_EQ(tree_of(film), before);
  }
}

TEST(NewCommand, ATopicAsksALanguageModel) {
  const TemporaryFolder folder;
  const fs::path film = folder / "film";
  const ProgramResult result = run({"new", film.string(), "--topic", "the \"witch\" \\ her cat's day"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("[planner]"));
  const FilmSettings settings = load_film_settings(film / "film.toml");
  EXPECT_EQ(settings.topic, "the \"witch\" \\ her cat's day");
  EXPECT_EQ(settings.planner.kind, "chat");
  EXPECT_FALSE(fs::exists(film / "story.txt"));
}

TEST(NewCommand, AStoryIsCopiedAndAScriptChecked) {
  const TemporaryFolder folder;
  const std::string script = "Scene 1: lake\nMotions: walking\nNarration: A fox is walking.\n";
  write_text(folder / "good.txt", script);
  write_text(folder / "prose.txt", "Once upon a time a fox was walking.");
  write_text(folder / "bad.txt", "Scene 1: lake\nNarration: A fox is walking.\n");

  EXPECT_EQ(run({"new", (folder / "a").string(), "--story", (folder / "good.txt").string()}).code, 0);
  EXPECT_EQ(read_bytes(folder / "a/story.txt"), script);
  EXPECT_EQ(load_film_settings(folder / "a/film.toml").planner.kind, "layout");
  EXPECT_EQ(run({"plan", (folder / "a").string()}).code, 0);

  EXPECT_EQ(run({"new", (folder / "b").string(), "--story", (folder / "prose.txt").string()}).code, 0);
  EXPECT_EQ(load_film_settings(folder / "b/film.toml").planner.kind, "chat");

  const ProgramResult bad = run({"new", (folder / "c").string(), "--story", (folder / "bad.txt").string()});
  EXPECT_EQ(bad.code, 4);
  EXPECT_THAT(bad.err, HasSubstr("bad.txt:3:1: scene 1 has no Motions:; the text may have been cut off"));
  EXPECT_FALSE(fs::exists(folder / "c"));
}

TEST(NewCommand, AStoryIsTextInUtf8) {
  const TemporaryFolder folder;
  const std::string script = "Scene 1: lake\nMotions: walking\nNarration: A fox is walking.\n";
  write_text(folder / "marked.txt", "\ufeff" + script);
  EXPECT_EQ(run({"new", (folder / "a").string(), "--story", (folder / "marked.txt").string()}).code, 0);
  EXPECT_EQ(load_film_settings(folder / "a/film.toml").planner.kind, "layout") << "a script with a mark in front is a script";
  for (const std::string& bytes : {"\xff\xfe" + script, std::string("Once upon a time\0", 17), std::string("Une \xe9toile")}) {
    write_text(folder / "bad.txt", bytes);
    const ProgramResult bad = run({"new", (folder / "b").string(), "--story", (folder / "bad.txt").string()});
    EXPECT_EQ(bad.code, 3);
    EXPECT_THAT(bad.err, HasSubstr("save it as UTF-8"));
    EXPECT_FALSE(fs::exists(folder / "b"));
  }
}

TEST(NewCommand, MistakesAreCode2) {
  const TemporaryFolder folder;
  const std::string film = (folder / "film").string();
  EXPECT_THAT(run({"new", film, "--template", "frends"}).err, HasSubstr("did you mean \"friends\"?"));
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"new"}, {"new", film, "--template", "nothing"}, {"new", film, "--topic", " "}, {"new", film, "--topic", "a", "--template", "solo"}}) {
    EXPECT_EQ(run(arguments).code, 2);
  }
  EXPECT_FALSE(fs::exists(folder / "film"));
}

}  // namespace
}  // namespace dreamrunner::test
