#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace dreamrunner {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string refusal(const std::string& text, const JsonLimits& limits = {}) {
  return test::expect_error(ErrorKind::input_file, [&] { parse_json(text, "file.json", limits); });
}

TEST(JsonTest, ReadsEveryKindOfValueInTheOrderOfTheText) {
  const Json json = parse_json(R"({"z": [1, -2, 3.5, true, null], "a": {"text": "\u00e9\ud83d\ude00"}, "m": 18446744073709551615})", "x");
  EXPECT_EQ(json.begin().key(), "z");
  EXPECT_EQ(json["z"].dump(), "[1,-2,3.5,true,null]");
  EXPECT_EQ(json["a"]["text"], "\xC3\xA9\xF0\x9F\x98\x80");
  EXPECT_EQ(json["m"].get<uint64_t>(), UINT64_MAX);
}

TEST(JsonTest, ANameThatComesTwiceIsRefusedWithItsPlace) {
  EXPECT_THAT(refusal("{\n  \"a\": 1,\n  \"a\": 2\n}"), StartsWith("file.json:3:"));
  EXPECT_THAT(refusal("{\"a\": 1, \"a\": 2}"), HasSubstr("the name \"a\" comes twice in one object"));
  EXPECT_THAT(refusal("{\"a\": 1, \"\\u0061\": 2}"), HasSubstr("comes twice"));
  EXPECT_THAT(refusal("{\"x\": {\"b\": 1, \"b\": 1}}"), HasSubstr("\"b\""));
  parse_json("[{\"a\": 1}, {\"a\": 1}]", "x");  // the same name in two objects
}

TEST(JsonTest, DepthIsLimited) {
  const auto nested = [](int depth) { return std::string(static_cast<size_t>(depth), '[') + std::string(static_cast<size_t>(depth), ']'); };
  parse_json(nested(64), "x");
  EXPECT_THAT(refusal(nested(65)), HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(refusal(std::string(1'000'000, '[')), HasSubstr("nested deeper"));
  EXPECT_THAT(refusal(nested(4), {.max_depth = 3}), HasSubstr("nested deeper than 3 levels"));
}

TEST(JsonTest, SizeIsLimitedBeforeAnythingIsRead) {
  EXPECT_THAT(refusal("[1, 2, 3]", {.max_bytes = 8}), HasSubstr("9 bytes of JSON, at most 8 expected"));
}

TEST(JsonTest, WhatIsNoJsonIsRefusedWithLineAndColumn) {
  for (const char* text : {"", " ", "{", "[1,]", "{\"a\":1,}", "{a: 1}", "'a'", "nul", "[1] 2", "\xff", "\"\x01\"", "\"\\ud800\"", "01", "1.", "-", "// x\n1", "NaN"}) {
    EXPECT_THAT(refusal(text), StartsWith("file.json:")) << text;
  }
  EXPECT_THAT(refusal("{\n \"a\": x\n}"), StartsWith("file.json:2:7: "));
  EXPECT_THAT(refusal("[1e309]"), AllOf(StartsWith("file.json:1:"), HasSubstr("number overflow parsing '1e309'"), Not(HasSubstr("json.exception"))));
}

}  // namespace
}  // namespace dreamrunner
