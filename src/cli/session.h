#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/run_context.h"
#include "cli/stop_signals.h"

namespace dreamrunner {

/// Writes a piece of the result to standard output at once. Throws as `check_standard_output`.
void print_now(std::string_view text);

/// Throws Error(storage) once something, progress too, could not be written to standard output. A reader who has seen enough
/// and gone (`| head`) is no error.
void check_standard_output();

/// What one run of the program talks through: results on standard output, everything else on standard error. With `--json`
/// standard output holds JSON only: events, one object a line, or one report.
class Session {
 public:
  explicit Session(bool json) : json_(json) {}
  ~Session();

  bool json() const { return json_; }

  /// For long work: a stop token that Ctrl-C sets, and progress drawn as fits where it goes. `way_on` completes the
  /// sentence "stopped; ...".
  RunContext& run(const std::string& way_on);

  /// Ends progress, so that what follows starts on its own line.
  void finish_progress();

  // Each of these throws Error(storage) where standard output cannot be written. Progress does not: the work goes on, and its
  // end fails.

  /// A line of the result, for people.
  void print(std::string_view line) const;
  /// A JSON object on one line: the last event of long work.
  void print_event(const Json& event) const;
  /// A report: laid out for people, as JSON with `--json`.
  void print_report(const Json& report) const;

 private:
  bool json_;
  std::unique_ptr<StopSignals> signals_;
  std::unique_ptr<Progress> progress_;
  std::optional<RunContext> run_;
};

}  // namespace dreamrunner
