#include "stages/scorers.h"

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {

std::vector<float> cosines(const Embeddings& rows, const Embeddings& one) {
  if (rows.width != one.width || one.rows() != 1) {
    throw Error(ErrorKind::bug, fmt::format("{} x {} embeddings compared with {} x {}", rows.rows(), rows.width, one.rows(), one.width));
  }
  std::vector<float> result;
  for (int row = 0; row < rows.rows(); ++row) {
    double sum = 0;
    for (int i = 0; i < rows.width; ++i) sum += static_cast<double>(rows.values[static_cast<size_t>(row * rows.width + i)]) * one.values[static_cast<size_t>(i)];
    result.push_back(static_cast<float>(sum));
  }
  return result;
}

}  // namespace dreamrunner
