#include "tensor/gpu_features.h"

#include <dlfcn.h>

#include <map>

#include <fmt/format.h>

namespace dreamrunner {
namespace {

constexpr int kAmpere = 8;
constexpr int kNeededCuda = 13000;  // What the wheel of LibTorch is built with.
constexpr ComputeCapability kNeeded{7, 5};  // The oldest that it has kernels for.
constexpr int kMajorCapability = 75, kMinorCapability = 76;  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR

/// A function of the driver, or null.
template <typename Function>
Function* driver_function(const char* name) {
  static void* const driver = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  return driver != nullptr ? reinterpret_cast<Function*>(::dlsym(driver, name)) : nullptr;
}

std::optional<ComputeCapability> read_capability(int index) {
  auto* const init = driver_function<int(unsigned)>("cuInit");
  auto* const get_device = driver_function<int(int*, int)>("cuDeviceGet");
  auto* const get_attribute = driver_function<int(int*, int, int)>("cuDeviceGetAttribute");
  if (init == nullptr || get_device == nullptr || get_attribute == nullptr) return std::nullopt;
  int device = 0;
  ComputeCapability capability;
  if (init(0) != 0 || get_device(&device, index) != 0 || get_attribute(&capability.major, kMajorCapability, device) != 0 ||
      get_attribute(&capability.minor, kMinorCapability, device) != 0) {
    return std::nullopt;
  }
  return capability;
}

bool is_ampere_or_newer(c10::Device gpu) {
  // Asked in every attention; a process has few GPUs and a GPU stays what it is.
  static thread_local std::map<int, bool> known;
  const int index = gpu.has_index() ? gpu.index() : 0;
  const auto [found, is_new] = known.try_emplace(index, false);
  if (is_new) {
    const std::optional<ComputeCapability> capability = read_capability(index);
    found->second = capability && capability->major >= kAmpere;
  }
  return found->second;
}

}  // namespace

GpuDriver read_gpu_driver() {
  GpuDriver driver;
  if (auto* const version = driver_function<int(int*)>("cuDriverGetVersion"); version == nullptr || version(&driver.cuda) != 0) driver.cuda = 0;
  driver.first_gpu = read_capability(0);
  return driver;
}

std::string why_unusable(const GpuDriver& driver) {
  if (driver.cuda != 0 && driver.cuda < kNeededCuda) {
    return fmt::format("the NVIDIA driver serves CUDA {}.{} and LibTorch needs {}.{}: driver 580 or later has it", driver.cuda / 1000,
                       driver.cuda % 1000 / 10, kNeededCuda / 1000, kNeededCuda % 1000 / 10);
  }
  if (const auto& gpu = driver.first_gpu; gpu && (gpu->major < kNeeded.major || (gpu->major == kNeeded.major && gpu->minor < kNeeded.minor))) {
    return fmt::format("the GPU has compute capability {}.{} and LibTorch needs {}.{} (Turing) or later", gpu->major, gpu->minor, kNeeded.major,
                       kNeeded.minor);
  }
  return "";
}

bool has_flash_attention(c10::Device gpu) { return is_ampere_or_newer(gpu); }

bool has_bf16_convolutions(c10::Device gpu) { return is_ampere_or_newer(gpu); }

}  // namespace dreamrunner
