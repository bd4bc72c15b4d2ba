#pragma once

#include <stdexcept>
#include <string>

namespace dreamrunner {

/// What went wrong, as a user would sort it. Each kind has one exit code (`exit_code`), listed in docs/errors.md.
enum class ErrorKind {
  usage,           ///< A setting or an argument that cannot be used.
  input_file,      ///< A file that is damaged, missing or not what it should be.
  plan_refused,    ///< A plan that cannot be generated.
  language_model,  ///< The language model could not be reached.
  storage,         ///< Reading or writing failed: no space, no permission, input or output error.
  busy,            ///< Another run holds the folder.
  numerical,       ///< NaN or infinity.
  memory,          ///< Memory ran out.
  integrity,       ///< A file is not what its record says.
  job,             ///< The job back end failed.
  bug,             ///< A fault of ours.
  interrupted,     ///< Stopped by SIGINT.
  terminated,      ///< Stopped by SIGTERM.
};

/// The exit code of `kind`: 2 usage, 3 input file, 4 plan refused, 5 language model, 6 storage, 7 busy, 8 numerical,
/// 9 memory, 10 integrity, 11 job, 70 bug, 130 interrupted, 143 terminated.
int exit_code(ErrorKind kind);

/// The kind's name in JSON output, such as "input_file".
const char* kind_name(ErrorKind kind);

/// An error that a user can act on. `message` follows `FILE: WHERE: found, expected`; `hint` says the way out and may be
/// empty. Library code throws it and never prints or exits.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string hint = {});

  ErrorKind kind() const { return kind_; }
  const std::string& hint() const { return hint_; }

  /// One line: the message, then the hint behind a semicolon.
  std::string line() const;

 private:
  ErrorKind kind_;
  std::string hint_;
};

}  // namespace dreamrunner
