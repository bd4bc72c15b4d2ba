#pragma once

#include <exception>
#include <string>

#include "base/error.h"

namespace dreamrunner {

/// A failure as the user gets it: exit code, kind's name, message and the way out.
struct Failure {
  int code = 0;
  std::string kind;
  std::string message;
  std::string hint;  ///< May be empty.

  /// "error: MESSAGE; HINT" without line breaks.
  std::string line() const;
  /// The same as a line of JSON: {"event":"error","kind":...,"code":...,"message":...,"hint":...}.
  std::string event() const;
};

/// The one place where errors become exit codes (docs/errors.md): our own by kind; memory that ran out is 9, a failed file
/// operation 6; anything else is a bug, 70, with a request to report it. `stop_kind` tells which signal stopped the work.
Failure describe_failure(const std::exception_ptr& error, ErrorKind stop_kind);

/// Prints a failure: the line on standard error and, with `json`, the event on standard output. Returns the exit code.
int report_failure(const Failure& failure, bool json);

}  // namespace dreamrunner
