#pragma once

#include <optional>

#include "base/error.h"

namespace dreamrunner::test {

/// The Error that `action` throws; empty when it throws none. Any other exception goes through.
template <class Action>
std::optional<Error> error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

}  // namespace dreamrunner::test
