#pragma once

#include <string>

#include <c10/util/Exception.h>

namespace dreamrunner {

/// For the inside of a handler of `error`. Throws Error(memory) when memory ran out, and `error` itself otherwise.
[[noreturn]] void rethrow_out_of_memory(const c10::Error& error);

/// Calls `work`. Where memory runs out in LibTorch, throws Error(memory).
template <class Work>
decltype(auto) tell_out_of_memory(const Work& work) {
  try {
    return work();
  } catch (const c10::Error& error) {
    rethrow_out_of_memory(error);
  }
}

}  // namespace dreamrunner
