#include "film/film_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_film.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::SmallFilm;
using ::testing::HasSubstr;

Verdict verdict_of(const SmallFilm& film, const std::string& name, const SettingOverrides& overrides = {}) {
  for (const ArtefactStatus& artefact : film_status(film.root(), overrides).artefacts) {
    if (artefact.name == name) return artefact.verdict;
  }
  ADD_FAILURE() << name << " is not listed";
  return {};
}

TEST(FilmStatus, ANewFilmIsMissingAllOver) {
  const SmallFilm film(2);
  const FilmStatus status = film_status(film.root());
  ASSERT_EQ(status.artefacts.size(), 7u);
  EXPECT_EQ(status.artefacts[0].name, "scenes/01/latents.safetensors");
  EXPECT_EQ(status.artefacts[6].name, "film.mp4");
  for (const ArtefactStatus& artefact : status.artefacts) {
    EXPECT_EQ(artefact.verdict.freshness, Freshness::missing);
    EXPECT_EQ(artefact.verdict.reason, "not made yet");
  }
  EXPECT_FALSE(status.fresh());
  EXPECT_FALSE(fs::exists(film / ".dreamrunner")) << "looking writes nothing";
}

TEST(FilmStatus, AMadeFilmIsFresh) {
  SmallFilm film(2);
  film.make();
  EXPECT_TRUE(film_status(film.root()).fresh());
}

TEST(FilmStatus, SaysWhatChanged) {
  SmallFilm film(2);
  film.make();
  SettingOverrides overrides;
  overrides.steps = 50;
  overrides.num_frames = 16;
  EXPECT_EQ(verdict_of(film, "scenes/01/latents.safetensors", overrides).reason, "steps was 4, is 50, num_frames was the model's own, is 16");
  EXPECT_EQ(verdict_of(film, "scenes/01/scene.mp4", overrides).reason, "its latents are stale");
  film.plan.scenes[1].background = "a loud place";
  film.save();
  EXPECT_TRUE(verdict_of(film, "scenes/01/latents.safetensors").fresh());
  EXPECT_EQ(verdict_of(film, "scenes/02/latents.safetensors").reason, "scene changed");
  EXPECT_EQ(verdict_of(film, "film.mp4").freshness, Freshness::stale);
  EXPECT_EQ(verdict_of(film, "film.mp4").reason, "scene 2 is to be made");
}

TEST(FilmStatus, TellsDeletedDamagedAndUnknownApart) {
  SmallFilm film(1);
  film.make();
  fs::remove(film / "scenes/01/scene.mp4");
  EXPECT_EQ(verdict_of(film, "scenes/01/scene.mp4").freshness, Freshness::missing);
  EXPECT_EQ(verdict_of(film, "scenes/01/scene.mp4").reason, "deleted");
  const std::string sheet = test::read_bytes(film / "scenes/01/sheet.png");
  test::write_text(film / "scenes/01/sheet.png", sheet.substr(1));
  EXPECT_EQ(verdict_of(film, "scenes/01/sheet.png").freshness, Freshness::damaged);
  EXPECT_THAT(verdict_of(film, "scenes/01/sheet.png").reason, HasSubstr("bytes, its record says"));
  test::write_text(film / "scenes/01/sheet.png", "x" + sheet.substr(1));
  EXPECT_EQ(verdict_of(film, "scenes/01/sheet.png").reason, "its bytes are not those of its record");
  fs::remove(film / ".dreamrunner/journal.jsonl");
  EXPECT_EQ(verdict_of(film, "scenes/01/latents.safetensors").freshness, Freshness::stale);
  EXPECT_EQ(verdict_of(film, "scenes/01/latents.safetensors").reason, "no record says how it was made");
}

TEST(FilmStatus, MayRunBesideARun) {
  SmallFilm film(1);
  const FilmFolder folder(film.root());
  const FolderLock lock(folder);
  EXPECT_FALSE(film_status(film.root()).fresh());
}

}  // namespace
}  // namespace dreamrunner
