#include "engine/out_of_memory.h"

#include <fmt/format.h>

#include "base/error.h"
#include "tensor/out_of_memory.h"

namespace dreamrunner {

void rethrow_out_of_memory(const c10::Error& error) {
  if (!is_out_of_memory(error)) throw;
  const double bytes = asked_for_bytes(error);
  throw Error(ErrorKind::memory,
              fmt::format("memory ran out{}{}", is_out_of_gpu_memory(error) ? " on the GPU" : "",
                          bytes > 0 ? fmt::format(" ({:.2f} GB more were asked for)", bytes / 1e9) : ""),
              "a smaller --num-frames, --height or --width needs less; so do --dtype bf16 and, for pictures, --vae-tiling");
}

}  // namespace dreamrunner
