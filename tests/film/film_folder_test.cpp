#include "film/film_folder.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "small_film.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using ::testing::AllOf;
using ::testing::HasSubstr;

class FilmFolderTest : public ::testing::Test {
 protected:
  FilmFolderTest() { test::write_text(root / "film.toml", ""); }
  test::TemporaryFolder folder;
  fs::path root = folder / "film";
};

TEST_F(FilmFolderTest, IsNamedByItselfOrByItsSettings) {
  EXPECT_EQ(FilmFolder(root).root(), root);
  EXPECT_EQ(FilmFolder(root / "").root(), root);
  EXPECT_EQ(FilmFolder(root / "film.toml").root(), root);
  EXPECT_EQ(FilmFolder::latents_name(1), "scenes/01/latents.safetensors");
  EXPECT_EQ(FilmFolder::video_name(12), "scenes/12/scene.mp4");
  EXPECT_EQ(FilmFolder::sheet_name(123), "scenes/123/sheet.png");
}

TEST_F(FilmFolderTest, RefusesWhatIsNoFilm) {
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { FilmFolder(folder / "nowhere"); }), HasSubstr("no such film"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { FilmFolder(folder.path()); }), HasSubstr("it holds no film.toml"));
  test::write_text(root / "plan.json", "{}");
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { FilmFolder(root / "plan.json"); }), HasSubstr("not a film"));
}

TEST_F(FilmFolderTest, ASecondRunIsToldWhoHoldsTheFolder) {
  const FilmFolder film(root);
  {
    const FolderLock lock(film);
    const std::string line = expect_error(ErrorKind::busy, [&] { FolderLock second(film); });
    EXPECT_THAT(line, AllOf(HasSubstr("another run holds the folder"), HasSubstr("process " + std::to_string(::getpid()) + " on ")));
  }
  const FolderLock again(film);  // Free once the first is gone.
}

TEST_F(FilmFolderTest, ARunOfWhichNothingCameLeavesTheFolderAsItWas) {
  { const FolderLock lock{FilmFolder(root)}; }
  EXPECT_FALSE(fs::exists(root / ".dreamrunner"));
  test::write_text(root / ".dreamrunner/journal.jsonl", "");
  { const FolderLock lock{FilmFolder(root)}; }
  EXPECT_EQ(test::read_bytes(root / ".dreamrunner/lock"), "");
  EXPECT_TRUE(fs::exists(root / ".dreamrunner/lock"));
}

TEST_F(FilmFolderTest, OnlyOneOfManyHoldsTheFolderAtATime) {
  // Locks come and go, and with them the lock file, while four processes want it.
  const fs::path inside = root / "inside";
  std::vector<pid_t> children;
  for (int c = 0; c < 4; ++c) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (int i = 0; i < 200; ++i) {
        try {
          const FolderLock lock{FilmFolder(root)};
          if (!fs::create_directory(inside)) ::_exit(1);  // Somebody else is in.
          fs::remove(inside);
        } catch (const Error& error) {
          if (error.kind() != ErrorKind::busy) ::_exit(2);
        } catch (...) {
          ::_exit(3);
        }
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
}

TEST_F(FilmFolderTest, AKilledHolderLeavesNoLock) {
  const FilmFolder film(root);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock lock(film);
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_THAT(expect_error(ErrorKind::busy, [&] { FolderLock lock(film); }), HasSubstr("process " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const FolderLock lock(film);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(FilmFolderTest, AFolderThatCannotBeWrittenIsAStorageError) {
  test::write_text(root / ".dreamrunner", "a file where the folder should be");
  EXPECT_THAT(expect_error(ErrorKind::storage, [&] { FolderLock lock{FilmFolder(root)}; }), HasSubstr(".dreamrunner"));
}

TEST_F(FilmFolderTest, AReadOnlyFolderIsAStorageError) {
  fs::permissions(folder.path(), fs::perms(0755));
  fs::permissions(root, fs::perms(0555));
  // Root may write anywhere, so a child steps down to the user that owns nothing.
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(90);
    try {
      FolderLock lock{FilmFolder(root)};
    } catch (const Error& error) {
      ::_exit(exit_code(error.kind()));
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  fs::permissions(root, fs::perms(0755));
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 6);
}

TEST_F(FilmFolderTest, SweepsHalfWrittenArtefactsAndNothingElse) {
  const fs::path half = root / "scenes/01/.scene.mp4.123.0.tmp";
  const fs::path half_film = root / ".film.mp4.123.4.tmp";
  const fs::path of_a_person = root / "scenes/01/notes.tmp";
  for (const fs::path& file : {half, half_film, of_a_person}) test::write_text(file, "x");
  FilmFolder(root).sweep_temporaries();
  EXPECT_FALSE(fs::exists(half));
  EXPECT_FALSE(fs::exists(half_film));
  EXPECT_TRUE(fs::exists(of_a_person));
}

}  // namespace
}  // namespace dreamrunner
