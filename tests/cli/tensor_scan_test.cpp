#include "cli/tensor_scan.h"

#include <cstring>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

template <class T>
int64_t scan(TensorType type, const std::vector<T>& values, size_t misalignment = 0) {
  std::vector<std::byte> file(misalignment + values.size() * sizeof(T));
  std::memcpy(file.data() + misalignment, values.data(), values.size() * sizeof(T));
  return count_not_finite({.name = "t", .type = type, .shape = {}, .offset = misalignment, .size = values.size() * sizeof(T)}, file);
}

TEST(TensorScan, FindsNanAndInfinityInEveryFloatingType) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(scan<float>(TensorType::f32, {1, kNan, -kInf, 3.4e38f, 0}), 2);
  EXPECT_EQ(scan<double>(TensorType::f64, {1e308, double{kNan}, double{kInf}}), 2);
  // Half: largest number 0x7bff, infinity 0x7c00, a NaN 0xfe01. Bfloat16: 0x7f7f, 0xff80, 0x7fc0.
  EXPECT_EQ(scan<uint16_t>(TensorType::f16, {0x7bff, 0x7c00, 0xfe01, 0x0001}), 2);
  EXPECT_EQ(scan<uint16_t>(TensorType::bf16, {0x7f7f, 0xff80, 0x7fc0, 0x8000}), 2);
}

TEST(TensorScan, ReadsMisalignedPayloads) { EXPECT_EQ(scan<float>(TensorType::f32, {std::numeric_limits<float>::infinity(), 1}, 3), 1); }

TEST(TensorScan, WholeNumbersAreAlwaysFinite) {
  EXPECT_EQ(scan<int64_t>(TensorType::i64, {-1, INT64_MAX}), 0);
  EXPECT_EQ(scan<uint8_t>(TensorType::u8, {255}), 0);
}

}  // namespace
}  // namespace dreamrunner
