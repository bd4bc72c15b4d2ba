#include "adapt/name_pattern.h"

#include <chrono>

#include <gmock/gmock.h>

#include "support/expect_error.h"

namespace dreamrunner::test {
namespace {

using testing::HasSubstr;

bool matches(const std::string& pattern, const std::string& name) { return NamePattern(pattern, "test").matches(name); }

TEST(NamePattern, MatchesTheEndOfANameBehindADot) {
  EXPECT_TRUE(matches("to_q", "transformer_blocks.0.attn1.to_q"));
  EXPECT_TRUE(matches("attn1.to_q", "transformer_blocks.0.attn1.to_q"));
  EXPECT_TRUE(matches("to_q", "to_q"));
  EXPECT_FALSE(matches("o_q", "transformer_blocks.0.attn1.to_q"));
  EXPECT_FALSE(matches("attn1", "transformer_blocks.0.attn1.to_q"));
  EXPECT_FALSE(matches("to_q", "transformer_blocks.0.attn1.to_q.more"));
  EXPECT_FALSE(matches("to_q", ""));
  EXPECT_TRUE(matches("", "a."));
  EXPECT_TRUE(matches("", ""));
}

TEST(NamePattern, AnchorsHoldAtTheEndsOfTheName) {
  EXPECT_TRUE(matches("^proj_out", "proj_out"));
  EXPECT_FALSE(matches("^proj_out", "a.proj_out"));
  EXPECT_TRUE(matches("^transformer_blocks.0.attn1.to_q$", "transformer_blocks.0.attn1.to_q"));
  EXPECT_FALSE(matches("a$b", "ab"));
}

// What Python's re.match(r"(.*\.)?(PATTERN)$", name) answers.
TEST(NamePattern, ReadsWhatPythonReads) {
  const std::string third = "transformer_blocks.3.attn1.to_out.0";
  EXPECT_TRUE(matches(R"(.*transformer_blocks\.3\..*)", third));
  EXPECT_FALSE(matches(R"(.*transformer_blocks\.3\..*)", "transformer_blocks.13.attn1.to_out.0"));
  EXPECT_TRUE(matches(R"(transformer_blocks\.[1-9]\.attn1\.to_(q|out\.0))", third));
  EXPECT_TRUE(matches(R"(transformer_blocks\.\d+\..*)", third));
  EXPECT_TRUE(matches(R"(attn1.(?:to_q|to_k|to_out\.0))", third));
  EXPECT_TRUE(matches(R"([^.]+\.0)", third));
  EXPECT_TRUE(matches(R"([\w.]{5,}0)", third));
  EXPECT_FALSE(matches(R"(\D+)", "a1"));
  EXPECT_TRUE(matches("a{2}", "aa"));
  EXPECT_FALSE(matches("a{2}", "aaa"));
  EXPECT_TRUE(matches("(ab){1,2}c", "ababc"));
  EXPECT_FALSE(matches("(ab){1,2}c", "abababc"));
  EXPECT_TRUE(matches("a{,2}b", "b"));
  EXPECT_TRUE(matches("a{x}", "a{x}"));
  EXPECT_TRUE(matches("colou?r+?", "colorr"));
  EXPECT_TRUE(matches("a|bc|", "bc"));
  EXPECT_TRUE(matches("[]x-]+", "x]-"));
  EXPECT_TRUE(matches("(a|(b|c)*d)e", "bcbde"));
}

TEST(NamePattern, RefusesWhatItDoesNotReadByName) {
  const std::pair<const char*, const char*> cases[] = {
      {"(a", "\"(\" without"},      {"a)", "\")\" without"},     {"[a", "\"[\" without"},  {"*a", "nothing to repeat"},
      {"a**", "nothing to repeat"}, {"a\\", "ends with"},        {"(?=a)", "look-around"}, {"(?P<x>a)", "named groups"},
      {R"((a)\1)", "\\1"},          {"a{3,2}", "more to fewer"}, {"[z-a]", "backwards"},   {"a{9999}", "more than 1000"}};
  for (const auto& [pattern, why] : cases) {
    EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { NamePattern(pattern, "file.json"); }),
                AllOf(HasSubstr("file.json"), HasSubstr(why)))
        << pattern;
  }
}

TEST(NamePattern, HostilePatternsCostLittle) {
  const auto start = std::chrono::steady_clock::now();
  // A backtracking matcher needs 2^60 steps for the first, and all memory or time for the others.
  EXPECT_FALSE(matches("(a*)*(a*)*(a|a)*b", std::string(60, 'a')));
  for (const std::string& pattern : {std::string("((((a{1000}){1000}){1000}){1000})"), std::string("((((){1000}){1000}){1000}){1000}"),
                                     std::string(3000, 'a'), std::string(1000, '(') + std::string(1000, ')')}) {
    expect_error(ErrorKind::input_file, [&] { NamePattern(pattern, "test"); });
  }
  // Generous: it takes milliseconds, and minutes or for ever when it goes wrong.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

}  // namespace
}  // namespace dreamrunner::test
