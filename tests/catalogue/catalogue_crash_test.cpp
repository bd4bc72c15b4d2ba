// An import that is killed at any step leaves the catalogue as it was or as it should be, and the next import goes on.

#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "catalogue/catalogue.h"
#include "catalogue/catalogue_change.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace {

/// While it is set a folder cannot be synchronised.
bool folders_fail = false;

}  // namespace

/// Stands before the C library's.
extern "C" int fsync(int fd) {
  struct stat info {};
  if (folders_fail && ::fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;

AddRequest request_for(const fs::path& root, const std::string& list) {
  AddRequest request;
  request.folder = root / "catalogue";
  request.from = root / list;
  request.rows_per_segment = 400;
  return request;
}

/// Adds in a child process that kills itself before step `kill_at`; false when it ended before.
bool add_and_kill(const AddRequest& wanted, int kill_at) {
  const pid_t child = ::fork();
  if (child == 0) {
    AddRequest request = wanted;
    int step = 0;
    request.before_step = [&](std::string_view) {
      if (step++ == kill_at) ::raise(SIGKILL);
    };
    RunContext run;
    try {
      add_clips(request, run);
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status);
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(CatalogueCrash, AtAnyStepLeavesTheOldCatalogueOrTheNew) {
  RunContext run;
  std::vector<std::string> whole;
  int kills = 0;
  for (int kill_at = 0;; ++kill_at) {
    test::TemporaryFolder root;
    std::ofstream first(root / "first.jsonl"), second(root / "second.jsonl");
    for (int i = 0; i < 500; ++i) first << fmt::format("{{\"path\":\"a{}.mp4\",\"caption\":\"bowing {}\"}}\n", i, i);
    for (int i = 0; i < 900; ++i) second << fmt::format("{{\"path\":\"b{}.mp4\",\"caption\":\"bowing {}\"}}\n", i, i);
    first.close();
    second.close();
    add_clips(request_for(root.path(), "first.jsonl"), run);

    const AddRequest request = request_for(root.path(), "second.jsonl");
    const bool killed = add_and_kill(request, kill_at);
    const Catalogue after(root / "catalogue");
    const size_t found = after.search("bowing", 5000).size();
    EXPECT_TRUE(found == 500 || found == 1400) << found << " clips after a kill at step " << kill_at;
    EXPECT_EQ(after.rows(), found);

    add_clips(request, run);
    EXPECT_EQ(Catalogue(root / "catalogue").search("bowing", 5000).size(), 1400u);
    if (!killed) whole = names_in(root / "catalogue");
    if (killed) ++kills;
    else break;
  }
  // Leftovers, twice three steps a segment and one for the third, the names, the manifest, and after it.
  EXPECT_GE(kills, 10);
  EXPECT_EQ(whole.size(), 2u + 2 * 5) << "the manifest, the lock, two files a segment";
}

TEST(CatalogueCrash, ADiskThatFailsBehindTheLastStepCostsNothingThatTheManifestNames) {
  test::TemporaryFolder root;
  std::ofstream(root / "first.jsonl") << R"({"path":"a.mp4","caption":"bowing"})";
  std::ofstream(root / "second.jsonl") << R"({"path":"b.mp4","caption":"bowing"})";
  RunContext run;
  for (const char* list : {"first.jsonl", "second.jsonl"}) {
    AddRequest request = request_for(root.path(), list);
    request.before_step = [](std::string_view step) { folders_fail = step == "manifest"; };
    test::expect_error(ErrorKind::storage, [&] { add_clips(request, run); });
    folders_fail = false;
    const Catalogue after(root / "catalogue");
    EXPECT_EQ(after.search("bowing", 10).size(), after.rows()) << "the manifest was replaced before";
    request.before_step = {};
    add_clips(request, run);
  }
  EXPECT_EQ(Catalogue(root / "catalogue").rows(), 2u);
}

TEST(CatalogueCrash, ADiskThatFailsBeforeItLeavesNothing) {
  test::TemporaryFolder root;
  std::ofstream(root / "list.jsonl") << R"({"path":"a.mp4","caption":"bowing"})";
  RunContext run;
  AddRequest request = request_for(root.path(), "list.jsonl");
  request.before_step = [](std::string_view step) { folders_fail = step == "names"; };
  test::expect_error(ErrorKind::storage, [&] { add_clips(request, run); });
  folders_fail = false;
  EXPECT_FALSE(fs::exists(root / "catalogue"));
}

TEST(CatalogueCrash, OfTheFirstImportLeavesAFolderThatCanBeUsed) {
  RunContext run;
  for (int kill_at = 0;; ++kill_at) {
    test::TemporaryFolder root;
    std::ofstream list(root / "list.jsonl");
    for (int i = 0; i < 500; ++i) list << fmt::format("{{\"path\":\"a{}.mp4\",\"caption\":\"bowing {}\"}}\n", i, i);
    list.close();
    const AddRequest request = request_for(root.path(), "list.jsonl");
    const bool killed = add_and_kill(request, kill_at);
    add_clips(request, run);
    EXPECT_EQ(Catalogue(root / "catalogue").search("bowing", 5000).size(), 500u);
    EXPECT_EQ(names_in(root / "catalogue").size(), 6u) << "killed at step " << kill_at;
    if (!killed) break;
  }
}

}  // namespace
}  // namespace dreamrunner
