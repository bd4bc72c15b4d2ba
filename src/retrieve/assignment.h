#pragma once

#include <vector>

namespace dreamrunner {

/// The matching of rows and columns whose gains have the largest sum: for each row its column, or -1. `gain` holds
/// `rows` x `columns` finite values of 0 and more, row by row; a pair that gains nothing is never made. Exact, by shortest
/// augmenting paths (Jonker and Volgenant's form of the Hungarian method), in n^2 m steps for n <= m.
std::vector<int> best_assignment(const std::vector<double>& gain, int rows, int columns);

}  // namespace dreamrunner
