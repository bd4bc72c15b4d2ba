#include "base/error.h"

namespace dreamrunner {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage: return 2;
    case ErrorKind::input_file: return 3;
    case ErrorKind::plan_refused: return 4;
    case ErrorKind::language_model: return 5;
    case ErrorKind::storage: return 6;
    case ErrorKind::busy: return 7;
    case ErrorKind::numerical: return 8;
    case ErrorKind::memory: return 9;
    case ErrorKind::integrity: return 10;
    case ErrorKind::job: return 11;
    case ErrorKind::bug: return 70;
    case ErrorKind::interrupted: return 130;
    case ErrorKind::terminated: return 143;
  }
  return 70;
}

const char* kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage: return "usage";
    case ErrorKind::input_file: return "input_file";
    case ErrorKind::plan_refused: return "plan_refused";
    case ErrorKind::language_model: return "language_model";
    case ErrorKind::storage: return "storage";
    case ErrorKind::busy: return "busy";
    case ErrorKind::numerical: return "numerical";
    case ErrorKind::memory: return "memory";
    case ErrorKind::integrity: return "integrity";
    case ErrorKind::job: return "job";
    case ErrorKind::bug: return "bug";
    case ErrorKind::interrupted: return "interrupted";
    case ErrorKind::terminated: return "terminated";
  }
  return "bug";
}

Error::Error(ErrorKind kind, const std::string& message, std::string hint)
    : std::runtime_error(message), kind_(kind), hint_(std::move(hint)) {}

std::string Error::line() const { return hint_.empty() ? what() : std::string(what()) + "; " + hint_; }

}  // namespace dreamrunner
