#pragma once

#include <stop_token>
#include <thread>

#include "base/error.h"

namespace dreamrunner {

/// Turns SIGINT (Ctrl-C) and SIGTERM into a stop request while it lives. The first signal asks the work to stop and says so
/// on standard error; the second ends the process at once, as does the first when the work has not stopped within
/// `kPatience_s`: everything is committed atomically, so that nothing is lost either way. One at a time in a process.
class StopSignals {
 public:
  static constexpr int kPatience_s = 5;

  /// `way_on` tells how to go on after a stop, such as "run the same command again to go on".
  explicit StopSignals(std::string way_on);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return source_.get_token(); }

  /// ErrorKind::terminated after a SIGTERM, ErrorKind::interrupted otherwise.
  static ErrorKind stop_kind();

 private:
  void watch();

  std::string way_on_;
  std::stop_source source_;
  std::thread watcher_;
};

}  // namespace dreamrunner
