#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/safetensors_index.h"

namespace dreamrunner {

/// How many values of `tensor` are NaN or infinite; 0 for whole numbers. `file` is the whole safetensors file, whose header
/// has been checked. Reads bits only, so that nothing is converted or copied.
int64_t count_not_finite(const TensorEntry& tensor, std::span<const std::byte> file);

}  // namespace dreamrunner
