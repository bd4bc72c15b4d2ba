#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace dreamrunner {

/// Where a model computes and in which type.
struct Placement {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
};

/// Opens libtorch_cuda beside libtorch_cpu when this machine has an NVIDIA driver. Must come before the first ATen call,
/// which caches whether CUDA is there. Returns "available" or why there is no GPU to use. Later calls return the same.
const std::string& load_cuda();

/// "auto" (a GPU if there is one), "cpu" or "cuda". Throws Error(usage) for another word or an absent GPU.
at::Device choose_device(const std::string& name);

/// "fp32", "fp16" or "bf16" -> the type; throws Error(usage) for another word.
at::ScalarType parse_dtype(const std::string& name);

/// The one place that decides dtypes: a named type as it is; "auto" is fp32 on the CPU and, on a GPU, the type the weights
/// are stored in (fp16 for CogVideoX-2B, bf16 for 5B, fp16 instead of it on a GPU without bf16 convolutions).
at::ScalarType choose_dtype(const std::string& name, at::Device device, at::ScalarType stored);

/// "fp32", "fp16", "bf16", or ATen's name of another type.
std::string dtype_name(at::ScalarType dtype);

/// Memory that a computation on `device` may still take, limits of a container counted; nothing where that is not known.
std::optional<int64_t> available_bytes(at::Device device);

/// Name and memory of each GPU; empty without one.
std::vector<std::string> list_gpus();

}  // namespace dreamrunner
