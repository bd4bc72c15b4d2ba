#include "cli/session.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "base/environment.h"
#include "base/error.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/terminal_text.h"

namespace dreamrunner {
namespace {

double steady_seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// What decides the character set, in the order of setlocale.
bool speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string value = environment(name);
    if (value.empty()) continue;
    return value.find("UTF-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

bool draws_bars() {
  const std::string terminal = environment("TERM");
  return ::isatty(STDERR_FILENO) == 1 && !terminal.empty() && terminal != "dumb";
}

/// Why not, or 0.
int write_to(std::FILE* file, std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  return std::fflush(file) == 0 && written ? 0 : errno;
}

void to_stderr(std::string_view text) { write_to(stderr, text); }

/// Of the first write to standard output that failed.
int output_fault = 0;

void to_stdout(std::string_view text) {
  if (const int fault = write_to(stdout, text); output_fault == 0) output_fault = fault;
}

std::unique_ptr<Progress> make_progress(bool json) {
  if (json) return make_event_progress(to_stdout, steady_seconds);
  if (!draws_bars()) return make_line_progress(to_stderr, steady_seconds);
  // https://no-color.org: any value that is not empty turns colours off.
  return make_bar_progress(to_stderr, {[] { return terminal_columns(STDERR_FILENO, 80); }, environment("NO_COLOR").empty(), speaks_utf8()}, steady_seconds);
}

}  // namespace

void print_now(std::string_view text) {
  to_stdout(text);
  check_standard_output();
}

void check_standard_output() {
  if (output_fault == 0 || output_fault == EPIPE) return;
  throw Error(ErrorKind::storage, std::string("standard output: ") + std::strerror(output_fault));
}

Session::~Session() = default;

RunContext& Session::run(const std::string& way_on) {
  if (!run_) {
    signals_ = std::make_unique<StopSignals>(way_on);
    progress_ = make_progress(json_);
    run_ = RunContext{signals_->token(), progress_.get()};
  }
  return *run_;
}

void Session::finish_progress() {
  if (run_) run_->progress = nullptr;
  progress_.reset();
}

void Session::print(std::string_view line) const { print_now(std::string(line) + "\n"); }

void Session::print_event(const Json& event) const { print_now(event_line(event)); }

void Session::print_report(const Json& report) const {
  print_now(json_ ? report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : render_report(report));
}

}  // namespace dreamrunner
