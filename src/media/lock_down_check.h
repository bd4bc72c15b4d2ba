#pragma once

#include <vector>

namespace dreamrunner {

/// Something that a process that is locked down must not be able to do, and what came of trying.
struct Attempt {
  const char* name;
  int error;  ///< errno; 0: it could be done.
};

/// Tries to open, make, send, start, signal and map. `readable` is a descriptor that may be read.
std::vector<Attempt> forbidden_attempts(int readable);

}  // namespace dreamrunner
