#include "story/json_position.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

constexpr const char* kText = R"({
  "schema": 1,
  "a/b": {"~": [10,
                {"deep": null}]},
  "scenes": [
    [],
    {"text": "a \" brace } and\nan escape"},
    true
  ]
}
)";

TEST(JsonPosition, FindsTheLineOfEveryValue) {
  EXPECT_EQ(line_of_pointer(kText, ""), 1u);
  EXPECT_EQ(line_of_pointer(kText, "/schema"), 2u);
  EXPECT_EQ(line_of_pointer(kText, "/a~1b"), 3u);
  EXPECT_EQ(line_of_pointer(kText, "/a~1b/~0/0"), 3u);
  EXPECT_EQ(line_of_pointer(kText, "/a~1b/~0/1/deep"), 4u);
  EXPECT_EQ(line_of_pointer(kText, "/scenes/0"), 6u);
  EXPECT_EQ(line_of_pointer(kText, "/scenes/1/text"), 7u);
  EXPECT_EQ(line_of_pointer(kText, "/scenes/2"), 8u);
}

TEST(JsonPosition, AMissingValueHasTheLineOfWhatShouldHoldIt) {
  EXPECT_EQ(line_of_pointer(kText, "/scenes/1/background"), 7u);
  EXPECT_EQ(line_of_pointer(kText, "/nothing"), 1u);
  EXPECT_EQ(line_of_pointer(kText, "/scenes/10"), 5u) << "the list, not its entry 1";
}

TEST(JsonPosition, FindsManyLinesInOneWalk) {
  const std::vector<std::string> pointers{"/scenes/2", "", "/schema", "/scenes/1/background", "/nothing", "/scenes/10", "/a~1b/~0/1/deep", "/schema", "/scenes/1/text"};
  std::vector<size_t> one_by_one;
  for (const std::string& pointer : pointers) one_by_one.push_back(line_of_pointer(kText, pointer));
  EXPECT_EQ(lines_of_pointers(kText, pointers), one_by_one);
  EXPECT_TRUE(lines_of_pointers(kText, {}).empty());
}

TEST(JsonPosition, SaysWhereACutTextEnds) {
  EXPECT_EQ(pointer_at_end(R"({"scenes": [{"a": 1}, {"key_frames": [{"regions": [)"), "/scenes/1/key_frames/0/regions");
  EXPECT_EQ(pointer_at_end(R"({"scenes": [{"a": 1}, {"back)"), "/scenes/1");
  EXPECT_EQ(pointer_at_end(R"({"scenes": [1, 2],)"), "");
  EXPECT_EQ(pointer_at_end(""), "");
}

}  // namespace
}  // namespace dreamrunner
