#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/cogvideox_vae.h"

namespace dreamrunner {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(TemporalChunksTest, TheRemainderGoesIntoTheFirst) {
  EXPECT_THAT(temporal_chunks(13, 2), ElementsAre(Pair(0, 3), Pair(3, 5), Pair(5, 7), Pair(7, 9), Pair(9, 11), Pair(11, 13)));
  EXPECT_THAT(temporal_chunks(12, 2), ElementsAre(Pair(0, 2), Pair(2, 4), Pair(4, 6), Pair(6, 8), Pair(8, 10), Pair(10, 12)));
  EXPECT_THAT(temporal_chunks(1, 2), ElementsAre(Pair(0, 1)));
  EXPECT_THAT(temporal_chunks(3, 2), ElementsAre(Pair(0, 3)));
  EXPECT_THAT(temporal_chunks(49, 8), ElementsAre(Pair(0, 9), Pair(9, 17), Pair(17, 25), Pair(25, 33), Pair(33, 41), Pair(41, 49)));
  EXPECT_THAT(temporal_chunks(47, 8), ElementsAre(Pair(0, 15), Pair(15, 23), Pair(23, 31), Pair(31, 39), Pair(39, 47)));
  EXPECT_THAT(temporal_chunks(5, 8), ElementsAre(Pair(0, 5)));
}

}  // namespace
}  // namespace dreamrunner
