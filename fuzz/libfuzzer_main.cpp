#include <cstddef>
#include <cstdint>
#include <string_view>

#include "targets.h"

/// libFuzzer's door to one target, DREAMRUNNER_FUZZ_TARGET.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dreamrunner::fuzz::DREAMRUNNER_FUZZ_TARGET(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
