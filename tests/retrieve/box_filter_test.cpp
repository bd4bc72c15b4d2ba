#include "retrieve/box_filter.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

namespace dreamrunner {
namespace {

constexpr int kState = 7, kSeen = 4;
using Row = std::array<double, kState>;
using Matrix = std::array<Row, kState>;

/// SORT's filter as it is written down: seven values, whole matrices, one unit of time a step.
class PlainFilter {
 public:
  explicit PlainFilter(const std::array<double, kSeen>& seen) {
    for (int i = 0; i < kSeen; ++i) state_[i] = seen[i];
    for (int i = 0; i < kState; ++i) covariance_[i][i] = i < kSeen ? 10 : 1e4;
  }

  void predict() {
    Matrix step{};
    for (int i = 0; i < kState; ++i) step[i][i] = 1;
    for (int i = 0; i < 3; ++i) step[i][i + kSeen] = 1;
    const Row noise{1, 1, 1, 1, 0.01, 0.01, 1e-4};
    Row moved{};
    for (int i = 0; i < kState; ++i) {
      for (int j = 0; j < kState; ++j) moved[i] += step[i][j] * state_[j];
    }
    state_ = moved;
    Matrix result{};
    for (int i = 0; i < kState; ++i) {
      for (int j = 0; j < kState; ++j) {
        for (int k = 0; k < kState; ++k) {
          for (int l = 0; l < kState; ++l) result[i][j] += step[i][k] * covariance_[k][l] * step[j][l];
        }
      }
      result[i][i] += noise[i];
    }
    covariance_ = result;
  }

  /// One measured value after another, which is the same as all at once where their noises are independent.
  void correct(const std::array<double, kSeen>& seen) {
    const std::array<double, kSeen> noise{1, 1, 10, 10};
    for (int m = 0; m < kSeen; ++m) {
      const double off = seen[m] - state_[m], total = covariance_[m][m] + noise[m];
      Row gain{};
      for (int i = 0; i < kState; ++i) gain[i] = covariance_[i][m] / total;
      const Row measured = covariance_[m];
      for (int i = 0; i < kState; ++i) {
        state_[i] += gain[i] * off;
        for (int j = 0; j < kState; ++j) covariance_[i][j] -= gain[i] * measured[j];
      }
    }
  }

  const Row& state() const { return state_; }

 private:
  Row state_{};
  Matrix covariance_{};
};

std::array<double, kSeen> values_of(const PixelBox& box) {
  return {(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, box.area(), box.width() / box.height()};
}

TEST(BoxFilter, EqualsTheFilterOfSevenValues) {
  std::mt19937 random(5);
  std::normal_distribution<double> shake(0, 2);
  PixelBox box{100, 50, 140, 150};
  BoxFilter filter(box);
  PlainFilter plain(values_of(box));
  for (int step = 1; step <= 60; ++step) {
    filter.predict(1.0 / 25);
    plain.predict();
    if (step % 7 != 0) {  // Some looks miss the person.
      const double x = 120 + 3 * step + shake(random), y = 100 - step + shake(random), width = 40 + shake(random), height = 100 + shake(random);
      box = {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
      filter.correct(box);
      plain.correct(values_of(box));
    }
    const std::array<double, kSeen> expected = values_of(filter.box());
    for (int i = 0; i < kSeen; ++i) EXPECT_NEAR(expected[i], plain.state()[i], 1e-9 * std::abs(plain.state()[i]) + 1e-9) << step << " " << i;
  }
}

TEST(BoxFilter, GoesOnAtTheSpeedSeenWhateverTheStepsOfTime) {
  const auto at = [](double seconds) { return PixelBox{100 * seconds, 10, 100 * seconds + 40, 110}; };
  BoxFilter filter(at(0));
  double time = 0;
  for (const double step : {0.05, 0.2, 0.04, 0.3, 0.1, 0.125}) {
    time += step;
    filter.predict(step);
    filter.correct(at(time));
  }
  filter.predict(0.5);
  // 1 px: what is left of the doubt about the speed at the beginning.
  EXPECT_NEAR(filter.box().x0, at(time + 0.5).x0, 1);
  EXPECT_NEAR(filter.box().width(), 40, 0.5);
  EXPECT_NEAR(filter.box().height(), 100, 0.5);
}

TEST(BoxFilter, KeepsTheLastAreaWhereThePersonWouldShrinkToNothing) {
  BoxFilter filter({0, 0, 100, 100});
  filter.predict(0.04);
  filter.correct({45, 45, 55, 55});
  const double last = filter.box().area();
  EXPECT_NEAR(last, 100, 15);  // 10 / (1e4 + 31) of the step from 10,000 to 100 is not believed.
  for (int step = 0; step < 100; ++step) {
    filter.predict(0.04);
    ASSERT_DOUBLE_EQ(filter.box().area(), last);
  }
}

TEST(BoxFilter, StaysWhereNoTimeGoesBy) {
  BoxFilter filter({10, 20, 30, 60});
  filter.predict(0);
  EXPECT_NEAR(filter.box().x0, 10, 1e-9);
  EXPECT_NEAR(filter.box().y1, 60, 1e-9);
}

TEST(Overlap, IsIntersectionOverUnion) {
  const PixelBox box{0, 0, 10, 10};
  EXPECT_DOUBLE_EQ(overlap(box, box), 1);
  EXPECT_DOUBLE_EQ(overlap(box, {5, 0, 15, 10}), 50.0 / 150);
  EXPECT_DOUBLE_EQ(overlap(box, {10, 0, 20, 10}), 0);
  EXPECT_DOUBLE_EQ(overlap(box, {20, 20, 30, 30}), 0);
  EXPECT_DOUBLE_EQ(overlap(box, {5, 5, 5, 5}), 0);
}

}  // namespace
}  // namespace dreamrunner
