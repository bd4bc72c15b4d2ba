#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <filesystem>

namespace dreamrunner::test {

inline int open_descriptors() {
  namespace fs = std::filesystem;
  return static_cast<int>(std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

/// At its end: no process of ours is left, running or dead, no descriptor more is open than at its beginning, and it is not late.
class ProcessWatch {
 public:
  explicit ProcessWatch(double limit_s = 10) : limit_s_(limit_s) {}
  ~ProcessWatch() {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    EXPECT_LT(passed.count(), limit_s_);
    errno = 0;
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a process is left";
    EXPECT_EQ(errno, ECHILD);
    EXPECT_EQ(open_descriptors(), descriptors_);
  }
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double limit_s_;
  int descriptors_ = open_descriptors();
};

}  // namespace dreamrunner::test
