// A run may end at any moment, in any way; the next one goes on from there to the very bytes of a run that never ended.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "film/film_folder.h"
#include "film/make_film.h"
#include "killed_make.h"
#include "small_film.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::SmallFilm;
using test::tree_of;

constexpr int kScenes = 2;

/// Events of the engine in one whole run: denoise, denoised, decode, decoded for each scene.
constexpr int kEvents = 4 * kScenes;

/// Every byte below the folder once a film of `kScenes` is made, and made again with the bear asleep in scene 2.
struct Trees {
  std::map<std::string, std::string> made;
  std::map<std::string, std::string> changed;
};

void change(SmallFilm& film) {
  film.plan.scenes[1].key_frames[0].regions[0].caption = "a brown bear is sleeping";
  film.save();
}

const Trees& uninterrupted() {
  static const Trees trees = [] {
    SmallFilm film(kScenes);
    film.make();
    Trees result{tree_of(film.root()), {}};
    change(film);
    film.make();
    result.changed = tree_of(film.root());
    return result;
  }();
  return trees;
}

TEST(MakeFilmCrash, AStopAtAnyEventIsResumedToTheSameBytes) {
  for (int stop_at = 0; stop_at < kEvents; ++stop_at) {
    SmallFilm film(kScenes);
    std::stop_source stop;
    film.run.stop = stop.get_token();
    int event = 0;
    film.engine.on_event = [&](const std::string&) {
      if (event++ == stop_at) stop.request_stop();
    };
    // A stop after the last event finds nothing left to stop but the joining.
    const std::string line = test::expect_error(ErrorKind::interrupted, [&] { film.make(); });
    EXPECT_THAT(line, ::testing::HasSubstr("run the same command again"));
    film.run.stop = {};
    film.engine.on_event = nullptr;
    film.make();
    EXPECT_EQ(tree_of(film.root()), uninterrupted().made) << "stopped at event " << stop_at;
  }
}

TEST(MakeFilmCrash, AKillAtAnyEventIsResumedToTheSameBytes) {
  for (int kill_at = 0; kill_at < kEvents; ++kill_at) {
    SmallFilm film(kScenes);
    test::make_and_kill(film, kill_at);
    film.make();
    EXPECT_EQ(tree_of(film.root()), uninterrupted().made) << "killed at event " << kill_at;
  }
}

TEST(MakeFilmCrash, AKillWhileAStaleSceneIsRemadeIsResumedToTheSameBytes) {
  for (int kill_at = 0; kill_at < 4; ++kill_at) {
    SmallFilm film(kScenes);
    film.make();
    change(film);
    test::make_and_kill(film, kill_at);
    film.make();
    EXPECT_EQ(tree_of(film.root()), uninterrupted().changed) << "killed at event " << kill_at;
  }
}

/// Puts the files of `tree` below `root`, and nothing else.
void restore(const fs::path& root, const std::map<std::string, std::string>& tree) {
  fs::remove_all(root);
  for (const auto& [name, bytes] : tree) test::write_text(root / name, bytes);
}

TEST(MakeFilmCrash, AJournalThatLostItsEndIsCompletedToTheSameBytes) {
  // The worst that a power loss leaves by the protocol: files complete under their names, their records cut off anywhere.
  SmallFilm film(kScenes);
  film.make();
  const auto& whole = uninterrupted().made;
  const std::string& journal = whole.at(".dreamrunner/journal.jsonl");
  for (size_t cut = 0; cut <= journal.size(); cut += 97) {
    auto tree = whole;
    tree[".dreamrunner/journal.jsonl"] = journal.substr(0, cut);
    restore(film.root(), tree);
    film.make();
    ASSERT_EQ(tree_of(film.root()), whole) << "journal cut at byte " << cut;
  }
}

TEST(MakeFilmCrash, AFileThatWasNewerThanItsRecordIsNotTakenForDamage) {
  // Killed with the latents of the changed scene in place and not yet recorded; then the change is taken back. The old
  // record fits the plan again, the bytes do not fit the record, and nothing is damaged.
  SmallFilm film(kScenes);
  film.make();
  const Plan before = film.plan;
  change(film);
  test::make_and_kill(film, 1);  // "denoised scene 2".
  film.plan = before;
  film.save();
  film.make();
  const auto tree = tree_of(film.root());
  for (const auto& [name, bytes] : tree) EXPECT_FALSE(name.ends_with(".bad")) << name;
  for (const auto& [name, bytes] : uninterrupted().made) {
    if (name.starts_with(".dreamrunner/")) continue;
    EXPECT_EQ(tree.at(name), bytes) << name;
  }
}

}  // namespace
}  // namespace dreamrunner
