#include "base/run_context.h"

#include "base/error.h"

namespace dreamrunner {

void Progress::begin(std::string_view, int64_t) {}
void Progress::advance(int64_t) {}
void Progress::detail(std::string_view) {}
void Progress::end() {}
void Progress::note(std::string_view) {}

Progress& RunContext::report() const {
  static Progress silent;
  return progress != nullptr ? *progress : silent;
}

void RunContext::check() const {
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "stopped", "run the same command again to go on");
}

}  // namespace dreamrunner
