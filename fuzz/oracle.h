#pragma once

#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "story/plan_types.h"

namespace dreamrunner::fuzz {

/// Ends the program where something that must hold does not: in a fuzzer an exception could be caught on its way.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

/// A refusal must be of the kind that the reader promises, and must say something.
inline void require_refusal(const Error& error, ErrorKind kind) {
  require(error.kind() == kind, "the kind of a refusal");
  require(error.what()[0] != '\0', "a refusal without a message");
}

/// What every plan keeps that a reader lets through: its texts and boxes pass the rules, and it can be written and read
/// again without a change.
void require_sound(const Plan& plan);
void require_sound(const Scene& scene);

}  // namespace dreamrunner::fuzz
