#include "media/frames.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "media_support.h"

namespace dreamrunner {
namespace {

using test::error_of;
using testing::ElementsAre;

TEST(Frames, FloatsBecomeBytesRoundedHalfUpAndClamped) {
  const std::vector<float> values = {0.0f, 1.0f, 0.5f, -0.25f, 1.75f, 1.0f / 255, 0.49f / 255, 0.51f / 255, 254.5f / 255 + 1e-6f};
  EXPECT_THAT(bytes_from_unit_floats(values), ElementsAre(0, 255, 128, 0, 255, 1, 0, 1, 255));
}

TEST(Frames, EveryByteSurvivesTheWayThroughFloats) {
  for (int v = 0; v < 256; ++v) {
    const float value = static_cast<float>(v) / 255.0f;
    EXPECT_EQ(bytes_from_unit_floats(std::span(&value, 1)).front(), v);
  }
}

TEST(Frames, NanAndInfinityAreRefusedWithTheirPlace) {
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    const std::vector<float> values = {0.1f, 0.2f, bad, 0.3f};
    const Error error = error_of([&] { bytes_from_unit_floats(values); });
    EXPECT_EQ(error.kind(), ErrorKind::numerical);
    EXPECT_THAT(error.what(), testing::HasSubstr("value 2 of 4"));
  }
}

TEST(Frames, SamplesStandInTheMiddleOfEqualStretches) {
  EXPECT_THAT(sample_frames(16, 4), ElementsAre(2, 6, 10, 14));
  EXPECT_THAT(sample_frames(49, 1), ElementsAre(24));
  EXPECT_THAT(sample_frames(3, 8), ElementsAre(0, 1, 2));
  EXPECT_THAT(sample_frames(0, 8), ElementsAre());
}

TEST(Frames, CopiedFrameIsTheRightOne) {
  const test::Film film = test::numbered_film(3, 2, 5);
  const Picture picture = copy_frame(film.view(), 2);
  EXPECT_EQ(picture.width, 5);
  EXPECT_EQ(picture.height, 2);
  EXPECT_EQ(picture.rgb, std::vector<uint8_t>(30, 28));
}

}  // namespace
}  // namespace dreamrunner
