#include "media/lock_down.h"

#include <gmock/gmock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "media/isolated_video.h"
#include "media/video_writer.h"
#include "media_support.h"
#include "process_watch.h"
#include "support/temporary_folder.h"

// What the decoder of its own process gives up, tried by it and by others.
namespace dreamrunner {
namespace {

using test::error_of;
using test::ProcessWatch;
using test::TemporaryFolder;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

/// Before the name of a video; its output must not be a file, which may not be written to.
const std::string kSelfTest = std::string(DREAMRUNNER_BINARY_DIR) + "/dreamrunner_video_child --self-test </dev/null 3<";

class LockDown : public testing::Test {
 protected:
  void SetUp() override { write_video(film, test::numbered_film(40, 48, 64).view(), {}); }
  TemporaryFolder folder;
  fs::path film = folder / "film.mp4";
};

/// Processes whose parent is `parent`.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string line = test::file_bytes(entry.path() / "stat");
    const size_t at = line.rfind(')');
    int of = 0;
    char state = 0;
    if (at != std::string::npos && std::sscanf(line.c_str() + at, ") %c %d", &state, &of) == 2 && of == parent) found.push_back(std::stoi(name));
  }
  return found;
}

bool runs(pid_t pid) {
  const std::string line = test::file_bytes("/proc/" + std::to_string(pid) + "/stat");
  const size_t at = line.rfind(')');
  return at != std::string::npos && line[at + 2] != 'Z' && line[at + 2] != 'X';
}

// A decoder that waits for something else notices nothing by itself.
TEST_F(LockDown, EndsWithTheProcessThatStartedIt) {
  const ProcessWatch watch;
  fs::create_symlink(DREAMRUNNER_MISBEHAVING_CHILD, folder / "wait-locked");
  const IsolationLimits limits{.silence_s = 60, .total_s = 60, .decoder = folder / "wait-locked"};
  const pid_t other = ::fork();
  ASSERT_GE(other, 0);
  if (other == 0) {
    error_of([&] { read_isolated_video(film, {}, limits); });
    std::_Exit(0);
  }
  const auto wait_until = [](auto condition) {
    for (int i = 0; i < 400 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return condition();
  };
  std::vector<pid_t> decoders;
  EXPECT_TRUE(wait_until([&] { return !(decoders = children_of(other)).empty(); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // It locks itself down.
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  ASSERT_EQ(decoders.size(), 1u);
  const bool ended = wait_until([&] { return !runs(decoders[0]); });
  EXPECT_TRUE(ended);
  if (!ended) ::kill(decoders[0], SIGKILL);
}

TEST_F(LockDown, WhatTheDecoderCannotDoAfterItIsLockedDown) {
  int status = 0;
  const std::string said = test::shell(kSelfTest + film.string() + " | cat", status);
  ASSERT_EQ(status, 0) << said;
  // Each line is a thing to do and what came of it.
  EXPECT_THAT(said, Not(HasSubstr("DONE"))) << said;
  for (const char* line : {"\nopen E", "\ncreate E", "\nwrite-video EBADF\n", "\nduplicate E", "\nsocket-inet E", "\nsocket-unix E", "\nmemory-file E"}) {
    EXPECT_THAT(said, HasSubstr(line));
  }
  if (!isolation_state().filtered) GTEST_SKIP() << "this system refuses a filter of system calls (" << isolation_state().why_not << ")";
  EXPECT_THAT(said, HasSubstr("filter on\n"));
  for (const char* line : {"\nopen EPERM\n", "\nsocket-inet EPERM\n", "\nfork EPERM\n", "\nexec EPERM\n", "\nkill-parent EPERM\n", "\nmap-code EPERM\n"}) {
    EXPECT_THAT(said, HasSubstr(line));
  }
}

/// Makes this process, and those that it starts, one of a system that has no filters.
bool forbid_filters() {
  const std::unique_ptr<void, void (*)(void*)> filter(::seccomp_init(SCMP_ACT_ALLOW), ::seccomp_release);
  return filter != nullptr && ::seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(seccomp), 0) == 0 &&
         ::seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP)) == 0 &&
         ::seccomp_load(filter.get()) == 0;
}

// The limits alone stop what makes a descriptor, or more of anything.
TEST_F(LockDown, WithoutAFilterTheLimitsHold) {
  const ProcessWatch watch;
  const fs::path said_file = folder / "said";
  const pid_t other = ::fork();
  ASSERT_GE(other, 0);
  if (other == 0) {
    if (!forbid_filters()) std::_Exit(2);
    bool good = false;
    try {
      good = read_isolated_video(film).info.frames == 40 && !isolation_state().filtered && isolation_state().why_not == "Invalid argument";
    } catch (const std::exception&) {
    }
    int status = 0;
    test::write_bytes(said_file, test::shell(kSelfTest + film.string() + " | cat", status));
    std::_Exit(good ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(other, &status, 0), other);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) GTEST_SKIP() << "this system has no filters anyway";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  const std::string said = test::file_bytes(said_file);
  for (const char* line : {"filter Invalid argument\n", "\nopen EMFILE\n", "\ncreate EMFILE\n", "\nwrite-video EBADF\n", "\nduplicate EMFILE\n",
                           "\nsocket-inet EMFILE\n", "\nmemory-file EMFILE\n", "\nmore-memory EPERM\n", "\nmore-descriptors EPERM\n"}) {
    EXPECT_THAT(said, HasSubstr(line)) << said;
  }
}

}  // namespace
}  // namespace dreamrunner
