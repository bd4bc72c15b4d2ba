#include "retrieve/assignment.h"

#include <fmt/format.h>

#include <limits>

#include "base/error.h"

namespace dreamrunner {
namespace {

/// Costs are seen with no more rows than columns: a matrix with more is read transposed.
struct Costs {
  const std::vector<double>& gain;
  int rows;
  int columns;
  bool transposed;

  double operator()(int row, int column) const {
    return transposed ? -gain[static_cast<size_t>(column) * rows + row] : -gain[static_cast<size_t>(row) * columns + column];
  }
};

/// For each column the row that takes it at the least sum of costs, or -1. Every row gets a column.
std::vector<int> rows_of_columns(const Costs& cost) {
  // Row and column 0 stand for "none", so real ones are counted from 1 here. Prices keep
  // cost - row_price - column_price >= 0, and 0 for matched pairs.
  std::vector<double> row_price(cost.rows + 1, 0.0), column_price(cost.columns + 1, 0.0);
  std::vector<int> row_of(cost.columns + 1, 0), came_from(cost.columns + 1, 0);
  for (int row = 1; row <= cost.rows; ++row) {
    std::vector<double> distance(cost.columns + 1, std::numeric_limits<double>::infinity());
    std::vector<char> reached(cost.columns + 1, 0);
    int column = 0;
    row_of[0] = row;
    do {  // Dijkstra over the columns, until a free one is reached.
      reached[column] = 1;
      const int from_row = row_of[column];
      double step = std::numeric_limits<double>::infinity();
      int nearest = 0;
      for (int next = 1; next <= cost.columns; ++next) {
        if (reached[next]) continue;
        const double through = cost(from_row - 1, next - 1) - row_price[from_row] - column_price[next];
        if (through < distance[next]) {
          distance[next] = through;
          came_from[next] = column;
        }
        if (distance[next] < step) {
          step = distance[next];
          nearest = next;
        }
      }
      for (int other = 0; other <= cost.columns; ++other) {
        if (reached[other]) {
          row_price[row_of[other]] += step;
          column_price[other] -= step;
        } else {
          distance[other] -= step;
        }
      }
      column = nearest;
    } while (row_of[column] != 0);
    while (column != 0) {  // Along the path, each column passes to the row before it.
      row_of[column] = row_of[came_from[column]];
      column = came_from[column];
    }
  }
  std::vector<int> result(cost.columns);
  for (int column = 0; column < cost.columns; ++column) result[column] = row_of[column + 1] - 1;
  return result;
}

}  // namespace

std::vector<int> best_assignment(const std::vector<double>& gain, int rows, int columns) {
  if (rows < 0 || columns < 0 || gain.size() != static_cast<size_t>(rows) * columns) {
    throw Error(ErrorKind::bug, fmt::format("assignment: {} gains for {} x {}", gain.size(), rows, columns));
  }
  for (const double value : gain) {
    if (!(value >= 0) || value == std::numeric_limits<double>::infinity()) {
      throw Error(ErrorKind::bug, fmt::format("assignment: a gain of {}, 0 or more expected", value));
    }
  }
  std::vector<int> column_of(rows, -1);
  const bool transposed = rows > columns;
  const std::vector<int> owner = rows_of_columns({gain, transposed ? columns : rows, transposed ? rows : columns, transposed});
  for (int place = 0; place < static_cast<int>(owner.size()); ++place) {
    if (owner[place] < 0) continue;
    const int row = transposed ? place : owner[place];
    const int column = transposed ? owner[place] : place;
    if (gain[static_cast<size_t>(row) * columns + column] > 0) column_of[row] = column;
  }
  return column_of;
}

}  // namespace dreamrunner
