#include "models/yolov5_boxes.h"

#include <random>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

/// A place of the frame in the network's picture, by the letterbox's own numbers.
double there_x(const Letterbox& box, double x) { return x * static_cast<double>(box.scaled_width) / static_cast<double>(box.frame_width) + static_cast<double>(box.left); }
double there_y(const Letterbox& box, double y) { return y * static_cast<double>(box.scaled_height) / static_cast<double>(box.frame_height) + static_cast<double>(box.top); }

// Field case R9.
TEST(Letterbox, AHalfPixelOfPaddingGoesToTheRight) {
  const Letterbox box = fit_letterbox(2128, 1600, 320, true);
  EXPECT_EQ(box.scaled_width, 241);
  EXPECT_EQ(box.scaled_height, 320);
  EXPECT_EQ(box.left, 39);
  EXPECT_EQ(box.width - box.left - box.scaled_width, 40);
  EXPECT_NEAR(box.frame_x(39), 0, 1e-9) << "the padding that was applied comes off, not half of 79";
}

TEST(Letterbox, ABoxComesBackWhereItWasAtEverySize) {
  std::mt19937 draw(9);
  for (int i = 0; i < 200; ++i) {
    const int64_t height = draw() % 2400 + 17, width = draw() % 2400 + 17, size = (draw() % 20 + 4) * 32;
    const double x = draw() % 1000 / 1000.0 * static_cast<double>(width), y = draw() % 1000 / 1000.0 * static_cast<double>(height);
    for (const bool square : {false, true}) {
      const Letterbox box = fit_letterbox(height, width, size, square);
      ASSERT_NEAR(box.frame_x(there_x(box, x)), x, 1e-6) << width << " x " << height << " to " << size;
      ASSERT_NEAR(box.frame_y(there_y(box, y)), y, 1e-6) << width << " x " << height << " to " << size;
      // Against the picture itself: its four corners are the frame's.
      ASSERT_NEAR(box.frame_x(static_cast<double>(box.left + box.scaled_width)), static_cast<double>(width), 1e-6);
      ASSERT_NEAR(box.frame_y(static_cast<double>(box.top + box.scaled_height)), static_cast<double>(height), 1e-6);
      ASSERT_EQ(box.height % 32, 0);
      ASSERT_EQ(box.width % 32, 0);
      ASSERT_LE(box.top + box.scaled_height, box.height);
      ASSERT_LE(box.left + box.scaled_width, box.width);
      ASSERT_TRUE(!square || (box.height == size && box.width == size));
    }
  }
}

TEST(Letterbox, ABlockOfTheFrameIsFoundWhereTheMappingSaysIt) {
  std::mt19937 draw(11);
  for (int i = 0; i < 200; ++i) {
    const int64_t height = draw() % 300 + 60, width = draw() % 300 + 60;
    const int64_t y0 = draw() % (height / 2), x0 = draw() % (width / 2), y1 = y0 + height / 3, x1 = x0 + width / 3;
    at::Tensor frame = at::zeros({1, height, width, 3}, at::kByte);
    frame.slice(1, y0, y1).slice(2, x0, x1).fill_(255);
    const Letterbox box = fit_letterbox(height, width, 320, i % 2 == 0);
    // Grey padding counts as dark; the block's edge is where the value passes the half.
    const at::Tensor bright = put_into_letterbox(frame, box)[0].select(2, 0).gt(127);
    const at::Tensor rows = bright.any(1).nonzero().flatten(), columns = bright.any(0).nonzero().flatten();
    ASSERT_GT(rows.numel(), 0);
    const auto near = [&](double found, int64_t expected, int64_t side, int64_t scaled) {
      // The block's edge is known to half a pixel of the network's picture.
      ASSERT_NEAR(found, static_cast<double>(expected), 0.51 * std::max(1.0, static_cast<double>(side) / static_cast<double>(scaled)) + 0.01) << width << " x " << height;
    };
    near(box.frame_y(rows[0].item<double>()), y0, height, box.scaled_height);
    near(box.frame_y(rows[-1].item<double>() + 1), y1, height, box.scaled_height);
    near(box.frame_x(columns[0].item<double>()), x0, width, box.scaled_width);
    near(box.frame_x(columns[-1].item<double>() + 1), x1, width, box.scaled_width);
  }
}

TEST(Letterbox, SquareAndLeastRectangleGiveTheSameBoxes) {
  std::mt19937 draw(13);
  for (int i = 0; i < 200; ++i) {
    const int64_t height = draw() % 2000 + 20, width = draw() % 2000 + 20;
    const Letterbox least = fit_letterbox(height, width, 640, false), square = fit_letterbox(height, width, 640, true);
    ASSERT_EQ(least.scaled_width, square.scaled_width);
    ASSERT_EQ(least.scaled_height, square.scaled_height);
    const double x = draw() % 640, y = draw() % 640;
    ASSERT_NEAR(least.frame_x(x + static_cast<double>(least.left)), square.frame_x(x + static_cast<double>(square.left)), 1e-9);
    ASSERT_NEAR(least.frame_y(y + static_cast<double>(least.top)), square.frame_y(y + static_cast<double>(square.top)), 1e-9);
  }
}

/// Rows of one class or two: centre, size, objectness, probabilities.
at::Tensor rows(const std::vector<std::vector<float>>& values) {
  std::vector<at::Tensor> all;
  for (const auto& row : values) all.push_back(at::tensor(row, at::kFloat));
  return at::stack(all);
}

TEST(SuppressDoubles, TheBetterOfTwoThatOverlapStays) {
  const auto boxes = suppress_doubles(rows({{50, 50, 20, 20, 0.8f, 0.9f}, {52, 50, 20, 20, 0.9f, 0.9f}, {90, 50, 20, 20, 0.5f, 0.9f}}), {}, 7);
  ASSERT_EQ(boxes.size(), 2u);
  EXPECT_FLOAT_EQ(boxes[0].score, 0.81f);
  EXPECT_FLOAT_EQ(boxes[0].x0, 42);
  EXPECT_FLOAT_EQ(boxes[0].y1, 60);
  EXPECT_FLOAT_EQ(boxes[1].x0, 80);
  EXPECT_EQ(boxes[0].frame, 7);
}

TEST(SuppressDoubles, AnotherClassIsNoDouble) {
  EXPECT_EQ(suppress_doubles(rows({{50, 50, 20, 20, 0.9f, 0.9f, 0}, {50, 50, 20, 20, 0.9f, 0, 0.8f}}), {}, 0).size(), 2u);
}

TEST(SuppressDoubles, ClassesThatAreNotWantedAreNotThere) {
  const auto boxes = suppress_doubles(rows({{50, 50, 20, 20, 0.9f, 0.9f, 0}, {50, 50, 20, 20, 0.9f, 0, 0.8f}}), {.labels = {1}}, 0);
  ASSERT_EQ(boxes.size(), 1u);
  EXPECT_EQ(boxes[0].label, 1);
}

TEST(SuppressDoubles, BothObjectnessAndScoreMustPass) {
  EXPECT_TRUE(suppress_doubles(rows({{50, 50, 20, 20, 0.25f, 1}, {50, 50, 20, 20, 0.4f, 0.5f}}), {}, 0).empty());
}

TEST(SuppressDoubles, TheNumberOfBoxesIsLimited) {
  std::vector<std::vector<float>> many;
  for (int i = 0; i < 100; ++i) many.push_back({static_cast<float>(50 * i), 50, 20, 20, 0.9f, 0.5f + 0.004f * static_cast<float>(i)});
  const auto boxes = suppress_doubles(rows(many), {.most = 10}, 0);
  ASSERT_EQ(boxes.size(), 10u);
  EXPECT_FLOAT_EQ(boxes[0].x0, 50 * 99 - 10);
}

TEST(SuppressDoubles, NotANumberIsNoBox) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(suppress_doubles(rows({{50, 50, 20, 20, nan, 1}, {50, 50, 20, 20, 1, nan}}), {}, 0).empty());
}

}  // namespace
}  // namespace dreamrunner
