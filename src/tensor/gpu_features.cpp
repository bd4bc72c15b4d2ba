#include "tensor/gpu_features.h"

#include <dlfcn.h>

#include <array>

namespace dreamrunner {
namespace {

constexpr int kAmpere = 8;
constexpr int kMajorCapability = 75;  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
constexpr size_t kMostGpus = 64;

/// The major compute capability by the driver's own interface, which is there when libtorch_cuda is; 0 where it is not.
int major_capability(int index) {
  void* const driver = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (driver == nullptr) return 0;
  const auto init = reinterpret_cast<int (*)(unsigned)>(::dlsym(driver, "cuInit"));
  const auto get_device = reinterpret_cast<int (*)(int*, int)>(::dlsym(driver, "cuDeviceGet"));
  const auto get_attribute = reinterpret_cast<int (*)(int*, int, int)>(::dlsym(driver, "cuDeviceGetAttribute"));
  int device = 0, major = 0;
  if (init == nullptr || get_device == nullptr || get_attribute == nullptr) return 0;
  if (init(0) != 0 || get_device(&device, index) != 0 || get_attribute(&major, kMajorCapability, device) != 0) return 0;
  return major;
}

}  // namespace

bool has_flash_attention(c10::Device gpu) {
  static const std::array<bool, kMostGpus> known = [] {
    std::array<bool, kMostGpus> flash{};
    for (size_t index = 0; index < kMostGpus; ++index) {
      const int major = major_capability(static_cast<int>(index));
      if (major == 0) break;  // There are no more.
      flash[index] = major >= kAmpere;
    }
    return flash;
  }();
  const size_t index = gpu.has_index() ? static_cast<size_t>(gpu.index()) : 0;
  return index < kMostGpus && known[index];
}

}  // namespace dreamrunner
