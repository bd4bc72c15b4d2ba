#pragma once

#include <c10/core/Device.h>

namespace dreamrunner {

/// Whether PyTorch's flash attention runs on this GPU: compute capability 8.0 (Ampere) or higher. Elsewhere it throws. False
/// where the driver does not say.
bool has_flash_attention(c10::Device gpu);

}  // namespace dreamrunner
