#pragma once

#include <optional>
#include <string>

#include <c10/core/Device.h>

namespace dreamrunner {

/// What kernels a GPU can run, as NVIDIA counts it: 7.5 is Turing, 8.0 Ampere.
struct ComputeCapability {
  int major = 0;
  int minor = 0;
};

/// What the NVIDIA driver says by its own interface, before CUDA's libraries are opened.
struct GpuDriver {
  int cuda = 0;                                ///< The newest CUDA it serves, as 1000 major + 10 minor; 0 where it does not say.
  std::optional<ComputeCapability> first_gpu;  ///< Of GPU 0, the one that is used; nothing where there is none.
};
GpuDriver read_gpu_driver();

/// Why LibTorch's CUDA libraries cannot use this driver or GPU, with what would help; empty where they can. They would load,
/// and fail with words of their own: at an old driver as if there were no GPU, at an old GPU with the first kernel.
std::string why_unusable(const GpuDriver& driver);

/// Whether PyTorch's flash attention runs on this GPU: compute capability 8.0 (Ampere) or higher. Elsewhere it throws. False
/// where the driver does not say.
bool has_flash_attention(c10::Device gpu);

/// Whether cuDNN has bf16 convolutions for this GPU: Ampere or higher too. Without, LibTorch unfolds a three-dimensional
/// convolution into 27 copies of its input.
bool has_bf16_convolutions(c10::Device gpu);

}  // namespace dreamrunner
