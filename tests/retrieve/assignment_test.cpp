#include "retrieve/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>

#include "support/expect_error.h"

namespace dreamrunner {
namespace {

double sum_of(const std::vector<double>& gain, int columns, const std::vector<int>& column_of) {
  double sum = 0;
  for (size_t row = 0; row < column_of.size(); ++row) {
    if (column_of[row] >= 0) sum += gain[row * columns + column_of[row]];
  }
  return sum;
}

/// The largest sum, by trying every matching.
double brute_force(const std::vector<double>& gain, int rows, int columns, int row, std::vector<char>& taken) {
  if (row == rows) return 0;
  double best = brute_force(gain, rows, columns, row + 1, taken);
  for (int column = 0; column < columns; ++column) {
    if (taken[column]) continue;
    taken[column] = 1;
    best = std::max(best, gain[row * columns + column] + brute_force(gain, rows, columns, row + 1, taken));
    taken[column] = 0;
  }
  return best;
}

void expect_matching(const std::vector<double>& gain, int rows, int columns, const std::vector<int>& column_of) {
  ASSERT_EQ(column_of.size(), static_cast<size_t>(rows));
  std::set<int> used;
  for (int row = 0; row < rows; ++row) {
    if (column_of[row] < 0) continue;
    ASSERT_LT(column_of[row], columns);
    EXPECT_TRUE(used.insert(column_of[row]).second) << "column " << column_of[row] << " twice";
    EXPECT_GT(gain[row * columns + column_of[row]], 0);
  }
}

TEST(Assignment, EqualsTryingEveryMatching) {
  std::mt19937 random(7);
  for (int round = 0; round < 1000; ++round) {
    const int rows = static_cast<int>(random() % 7), columns = static_cast<int>(random() % 7);
    std::vector<double> gain(rows * columns);
    // A third of the pairs impossible, and half of the matrices with few values, so that many sums are equal.
    for (double& value : gain) {
      const double whole = round % 2 == 0 ? static_cast<double>(random() % 1000) / 1000 : static_cast<double>(random() % 4) / 4;
      value = random() % 3 == 0 ? 0 : whole;
    }
    const std::vector<int> found = best_assignment(gain, rows, columns);
    expect_matching(gain, rows, columns, found);
    std::vector<char> taken(columns, 0);
    // A sum of six values below 1: twice the rounding of doubles.
    ASSERT_NEAR(sum_of(gain, columns, found), brute_force(gain, rows, columns, 0, taken), 2e-15) << "round " << round;
  }
}

TEST(Assignment, PrefersTheLargestSumToTheLargestPair) {
  EXPECT_EQ(best_assignment({0.9, 0.8, 0.7, 0.1}, 2, 2), (std::vector<int>{1, 0}));
}

TEST(Assignment, LeavesRowsAndColumnsWithoutAPartner) {
  EXPECT_EQ(best_assignment({}, 0, 0), std::vector<int>{});
  EXPECT_EQ(best_assignment({}, 0, 5), std::vector<int>{});
  EXPECT_EQ(best_assignment({}, 3, 0), (std::vector<int>{-1, -1, -1}));
  EXPECT_EQ(best_assignment({0, 0, 0, 0.5}, 2, 2), (std::vector<int>{-1, 1}));
  EXPECT_EQ(best_assignment({0.2, 0.9, 0.4}, 3, 1), (std::vector<int>{-1, 0, -1}));
}

TEST(Assignment, OfAHundredByAThousandIsTheIdentityHiddenInIt) {
  const int rows = 100, columns = 1000;
  std::mt19937 random(3);
  std::vector<int> place(columns);
  for (int column = 0; column < columns; ++column) place[column] = column;
  std::shuffle(place.begin(), place.end(), random);
  std::vector<double> gain(rows * columns);
  for (double& value : gain) value = static_cast<double>(random() % 500) / 1000;
  for (int row = 0; row < rows; ++row) gain[row * columns + place[row]] = 1;
  const std::vector<int> found = best_assignment(gain, rows, columns);
  EXPECT_EQ(found, std::vector<int>(place.begin(), place.begin() + rows));
}

TEST(Assignment, RefusesWhatIsNoGain) {
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const double bad : {-0.1, infinity, -infinity, nan}) {
    test::expect_error(ErrorKind::bug, [&] { best_assignment({0.5, bad}, 1, 2); });
  }
  test::expect_error(ErrorKind::bug, [&] { best_assignment({0.5}, 1, 2); });
}

}  // namespace
}  // namespace dreamrunner
