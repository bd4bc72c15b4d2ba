#include "cli/failure.h"

#include <filesystem>
#include <new>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace dreamrunner {
namespace {

using testing::HasSubstr;

template <typename Thrown>
Failure failure_of(Thrown thrown, ErrorKind stop_kind = ErrorKind::interrupted) {
  return describe_failure(std::make_exception_ptr(thrown), stop_kind);
}

TEST(Failure, EveryKindHasItsCode) {
  const std::pair<ErrorKind, int> codes[] = {
      {ErrorKind::usage, 2},        {ErrorKind::input_file, 3}, {ErrorKind::plan_refused, 4}, {ErrorKind::language_model, 5},
      {ErrorKind::storage, 6},      {ErrorKind::busy, 7},       {ErrorKind::numerical, 8},    {ErrorKind::memory, 9},
      {ErrorKind::integrity, 10},   {ErrorKind::job, 11},       {ErrorKind::bug, 70},         {ErrorKind::interrupted, 130},
      {ErrorKind::terminated, 143},
  };
  for (const auto& [kind, code] : codes) EXPECT_EQ(failure_of(Error(kind, "what")).code, code) << kind_name(kind);
}

TEST(Failure, IsOneLineWhateverTheMessageHolds) {
  const Failure failure = failure_of(Error(ErrorKind::plan_refused, "plan.json: 2 faults:\n- a\n- \x1b[31mb", "mend\nthem"));
  EXPECT_EQ(failure.line(), "error: plan.json: 2 faults: - a; - \\x1b[31mb; mend; them");
  EXPECT_EQ(failure_of(Error(ErrorKind::usage, "no hint")).line(), "error: no hint");
}

TEST(Failure, AsAnEventKeepsTheWholeMessage) {
  const Json event = Json::parse(failure_of(Error(ErrorKind::input_file, "f: a\nb", "way out")).event());
  EXPECT_EQ(event, Json::parse(R"({"event":"error","kind":"input_file","code":3,"message":"f: a\nb","hint":"way out"})"));
  EXPECT_FALSE(Json::parse(failure_of(Error(ErrorKind::busy, "held")).event()).contains("hint"));
}

TEST(Failure, MemoryAndFileOperationsAreToldApartFromBugs) {
  EXPECT_EQ(failure_of(std::bad_alloc()).code, 9);
  const Failure file = failure_of(std::filesystem::filesystem_error("x", "a/b", std::make_error_code(std::errc::permission_denied)));
  EXPECT_EQ(file.code, 6);
  EXPECT_EQ(file.message, "a/b: Permission denied");
}

TEST(Failure, AnythingElseIsABugWithARequestToReportIt) {
  for (const Failure& failure : {failure_of(std::logic_error("index 9")), failure_of(Error(ErrorKind::bug, "index 9"))}) {
    EXPECT_EQ(failure.code, 70);
    EXPECT_THAT(failure.line(), HasSubstr("index 9"));
    EXPECT_THAT(failure.line(), HasSubstr("please report it"));
  }
  EXPECT_EQ(failure_of(42).code, 70);
}

TEST(Failure, AStopCountsAsTheSignalThatCausedIt) {
  EXPECT_EQ(failure_of(Error(ErrorKind::interrupted, "stopped"), ErrorKind::interrupted).code, 130);
  EXPECT_EQ(failure_of(Error(ErrorKind::interrupted, "stopped"), ErrorKind::terminated).code, 143);
}

}  // namespace
}  // namespace dreamrunner
