#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/json.h"
#include "support/temporary_folder.h"

namespace dreamrunner::test {

/// How a run of the program ended.
struct ProgramResult {
  int code = -1;    ///< Exit code; -1 when a signal killed it.
  int signal = 0;   ///< That killed it; 0 when it exited.
  std::string out;  ///< Standard output.
  std::string err;  ///< Standard error.

  /// Each line of standard output as JSON. Throws when one is not.
  std::vector<Json> events() const {
    std::vector<Json> result;
    size_t at = 0;
    while (at < out.size()) {
      const size_t end = out.find('\n', at);
      result.push_back(Json::parse(out.substr(at, end - at)));
      at = end == std::string::npos ? out.size() : end + 1;
    }
    return result;
  }
};

/// A run of the program as a process, with the models of the source tree. Its output goes to files, so that it never waits
/// for its reader.
class ProgramRun {
 public:
  using Environment = std::map<std::string, std::string>;

  ProgramRun(const std::filesystem::path& program, const std::vector<std::string>& arguments, const std::string& input = "",
             const Environment& environment = {}) {
    std::ofstream(folder_ / "in", std::ios::binary) << input;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, (folder_ / "in").c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, (folder_ / "out").c_str(), O_WRONLY | O_CREAT, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, (folder_ / "err").c_str(), O_WRONLY | O_CREAT, 0600);

    std::vector<std::string> words = {program.string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    Environment all = {{"DREAMRUNNER_MODELS", DREAMRUNNER_SOURCE_DIR "/models"},
                       {"LC_ALL", "C.UTF-8"},
                       {"HOME", folder_.path().string()},
                       {"PATH", "/usr/bin:/bin"}};
    for (const auto& [name, value] : environment) all[name] = value;
    std::vector<std::string> variables;
    for (const auto& [name, value] : all) variables.push_back(name + "=" + value);
    const int failed = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, pointers(words).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error(program.string() + " cannot be started");
  }

  ~ProgramRun() {
    if (running_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  ProgramRun(const ProgramRun&) = delete;
  ProgramRun& operator=(const ProgramRun&) = delete;

  void send(int signal) const { ::kill(pid_, signal); }

  std::string out_so_far() const { return content("out"); }
  std::string err_so_far() const { return content("err"); }

  /// Waits until standard output holds `text`; false when the program ends or half a minute passes before that.
  bool wait_for_output(const std::string& text) {
    for (int i = 0; i < 3000; ++i) {
      if (out_so_far().find(text) != std::string::npos) return true;
      if (ended()) return out_so_far().find(text) != std::string::npos;
      ::usleep(10'000);
    }
    return false;
  }

  /// Waits for the end. A program that takes longer than five minutes is killed, and the test fails on what that gives.
  ProgramResult finish() {
    for (int i = 0; i < 30000 && !ended(); ++i) ::usleep(10'000);
    if (running_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, &status_, 0);
      running_ = false;
    }
    ProgramResult result;
    if (WIFEXITED(status_)) result.code = WEXITSTATUS(status_);
    if (WIFSIGNALED(status_)) result.signal = WTERMSIG(status_);
    result.out = content("out");
    result.err = content("err");
    return result;
  }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  }

  bool ended() {
    if (running_ && ::waitpid(pid_, &status_, WNOHANG) == pid_) running_ = false;
    return !running_;
  }

  std::string content(const char* name) const {
    std::ifstream stream(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  TemporaryFolder folder_;
  pid_t pid_ = -1;
  int status_ = 0;
  bool running_ = true;
};

/// The program as it is built, with whatever engine is beside it.
inline std::filesystem::path program() { return std::filesystem::path(DREAMRUNNER_BINARY_DIR) / "dreamrunner"; }

/// Runs it to its end.
inline ProgramResult run(const std::vector<std::string>& arguments, const std::string& input = "",
                         const ProgramRun::Environment& environment = {}) {
  return ProgramRun(program(), arguments, input, environment).finish();
}

}  // namespace dreamrunner::test
