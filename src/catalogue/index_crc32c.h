#pragma once

#include <cstddef>
#include <cstdint>

namespace dreamrunner {

/// CRC-32C (Castagnoli, as in iSCSI, RFC 3720) of `size` bytes, going on from `crc` (0 at the start). Uses the processor's
/// instruction where there is one. It finds every burst of up to 32 flipped bits; it is no defence against a forger.
uint32_t crc32c(const void* data, size_t size, uint32_t crc = 0);

/// The same by a table, for processors without the instruction.
uint32_t crc32c_by_table(const void* data, size_t size, uint32_t crc = 0);

}  // namespace dreamrunner
