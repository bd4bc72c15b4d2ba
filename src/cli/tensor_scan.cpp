#include "cli/tensor_scan.h"

#include <cstring>

namespace dreamrunner {
namespace {

/// A floating-point number is NaN or infinite when all bits of its exponent are set. Payloads may be misaligned: memcpy.
template <class Bits>
int64_t count_set_exponents(std::span<const std::byte> bytes, Bits exponent) {
  int64_t count = 0;
  for (size_t at = 0; at + sizeof(Bits) <= bytes.size(); at += sizeof(Bits)) {
    Bits value;
    std::memcpy(&value, bytes.data() + at, sizeof(Bits));
    count += (value & exponent) == exponent;
  }
  return count;
}

}  // namespace

int64_t count_not_finite(const TensorEntry& tensor, std::span<const std::byte> file) {
  const auto bytes = file.subspan(tensor.offset, tensor.size);
  switch (tensor.type) {
    case TensorType::f16: return count_set_exponents<uint16_t>(bytes, 0x7c00);
    case TensorType::bf16: return count_set_exponents<uint16_t>(bytes, 0x7f80);
    case TensorType::f32: return count_set_exponents<uint32_t>(bytes, 0x7f800000);
    case TensorType::f64: return count_set_exponents<uint64_t>(bytes, 0x7ff0000000000000);
    default: return 0;
  }
}

}  // namespace dreamrunner
