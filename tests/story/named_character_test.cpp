#include "story/named_character.h"

#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

TEST(NamedCharacter, IsCalledByItsIdWhereItHasNoName) {
  EXPECT_EQ(named_character({"old-witch_2", "[v1]", ""}), (Character{"old-witch_2", "[v1]", "old witch 2"}));
  EXPECT_EQ(named_character({"witch", "", "girl witch"}), (Character{"witch", "", "girl witch"}));
}

}  // namespace
}  // namespace dreamrunner
