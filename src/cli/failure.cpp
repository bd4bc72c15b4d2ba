#include "cli/failure.h"

#include <cstdio>
#include <filesystem>
#include <new>

#include "base/json.h"
#include "cli/progress.h"
#include "cli/terminal_text.h"

namespace dreamrunner {
namespace {

Failure of_kind(ErrorKind kind, std::string message, std::string hint) {
  return {exit_code(kind), kind_name(kind), std::move(message), std::move(hint)};
}

Failure bug(const std::string& what) {
  return of_kind(ErrorKind::bug, "this should not happen: " + what,
                 "please report it with the command line and the output of `dreamrunner doctor`");
}

}  // namespace

std::string Failure::line() const { return "error: " + one_line(message) + (hint.empty() ? "" : "; " + one_line(hint)); }

std::string Failure::event() const {
  Json event = {{"event", "error"}, {"kind", kind}, {"code", code}, {"message", message}};
  if (!hint.empty()) event["hint"] = hint;
  return event_line(event);
}

Failure describe_failure(const std::exception_ptr& error, ErrorKind stop_kind) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::bug) return bug(e.what());
    return of_kind(e.kind() == ErrorKind::interrupted ? stop_kind : e.kind(), e.what(), e.hint());
  } catch (const std::bad_alloc&) {
    return of_kind(ErrorKind::memory, "memory ran out", "a smaller --num-frames, --height or --width needs less; so does --dtype bf16");
  } catch (const std::filesystem::filesystem_error& e) {
    return of_kind(ErrorKind::storage, e.path1().string() + ": " + e.code().message(), "");
  } catch (const std::exception& e) {
    return bug(e.what());
  } catch (...) {
    return bug("an exception of an unknown type");
  }
}

int report_failure(const Failure& failure, bool json) {
  if (json) {
    const std::string event = failure.event();
    std::fwrite(event.data(), 1, event.size(), stdout);
    std::fflush(stdout);
  }
  const std::string line = failure.line() + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  return failure.code;
}

}  // namespace dreamrunner
