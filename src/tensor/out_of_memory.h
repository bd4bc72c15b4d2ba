#pragma once

#include <string>

#include <c10/util/Exception.h>

namespace dreamrunner {

/// Whether LibTorch's error says that memory ran out. It has a type of its own for what its allocator on GPUs says; the CPU's
/// and that of NVIDIA's libraries are errors like any other, told by their words.
bool is_out_of_memory(const c10::Error& error);
bool is_out_of_gpu_memory(const c10::Error& error);

/// How much was asked for, as such an error tells it: 1.61 GB of "... you tried to allocate 1610612736 bytes ..." or of "...
/// Tried to allocate 1.50 GiB. ..."; 0 where it does not.
double asked_for_bytes(const c10::Error& error);

}  // namespace dreamrunner
