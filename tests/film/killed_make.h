#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include <gtest/gtest.h>

namespace dreamrunner::test {

/// Runs `make` in a child that SIGKILL ends at event `kill_at`.
template <typename Film>
void make_and_kill(Film& film, int kill_at) {
  const pid_t child = ::fork();
  if (child == 0) {
    int event = 0;
    film.engine.on_event = [&](const std::string&) {
      if (event++ == kill_at) ::raise(SIGKILL);
    };
    try {
      film.make();
    } catch (...) {
      ::_exit(99);
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

}  // namespace dreamrunner::test
