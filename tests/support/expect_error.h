#pragma once

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "base/error.h"

namespace dreamrunner::test {

/// Runs `work`, which must throw Error(kind); returns its one-line text for further checks.
template <typename Work>
std::string expect_error(ErrorKind kind, Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_STREQ(kind_name(error.kind()), kind_name(kind)) << error.line();
    return error.line();
  }
  ADD_FAILURE() << "no error was thrown, " << kind_name(kind) << " expected";
  return {};
}

}  // namespace dreamrunner::test
