#include "tensor/device.h"

#include <dlfcn.h>

#include <cstdlib>

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/ScalarType.h>

#include <fmt/format.h>

#include "base/error.h"
#include "base/machine.h"
#include "tensor/gpu_features.h"

namespace dreamrunner {
namespace {

std::string try_load_cuda() {
  // Sums in one order, which cuBLAS only keeps with a workspace of its own; read when it is opened.
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  // The driver comes first: without it libtorch_cuda is a second of loading for nothing.
  if (::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) == nullptr) return "no NVIDIA driver (libcuda.so.1 is not there)";
  if (std::string reason = why_unusable(read_gpu_driver()); !reason.empty()) return reason;
  if (::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    const char* reason = ::dlerror();
    return fmt::format("libtorch_cuda cannot be opened ({}); `make setup DEVICE=cuda` in the source folder fetches it (2.5 GB)", reason ? reason : "unknown");
  }
  if (!at::hasCUDA()) return "libtorch_cuda finds no GPU";
  // fp32 is fp32: cuDNN would round the factors of convolutions to ten bits.
  at::globalContext().setAllowTF32CuDNN(false);
  return "available";
}

}  // namespace

const std::string& load_cuda() {
  static const std::string status = try_load_cuda();
  return status;
}

at::Device choose_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  if (name != "auto" && name != "cuda") {
    throw Error(ErrorKind::usage, fmt::format("--device: found \"{}\", auto, cpu or cuda expected", name));
  }
  const std::string& status = load_cuda();
  if (status == "available") return at::Device(at::kCUDA, 0);
  if (name == "auto") return at::kCPU;
  throw Error(ErrorKind::usage, "--device cuda: " + status, "use --device cpu, or see `dreamrunner doctor`");
}

at::ScalarType parse_dtype(const std::string& name) {
  if (name == "fp32") return at::kFloat;
  if (name == "fp16") return at::kHalf;
  if (name == "bf16") return at::kBFloat16;
  throw Error(ErrorKind::usage, fmt::format("--dtype: found \"{}\", auto, fp32, fp16 or bf16 expected", name));
}

at::ScalarType choose_dtype(const std::string& name, at::Device device, at::ScalarType stored) {
  if (name != "auto") return parse_dtype(name);
  if (device.is_cpu()) return at::kFloat;
  if (stored == at::kBFloat16 && !has_bf16_convolutions(device)) return at::kHalf;
  return stored == at::kHalf || stored == at::kBFloat16 ? stored : at::kFloat;
}

std::string dtype_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat: return "fp32";
    case at::kHalf: return "fp16";
    case at::kBFloat16: return "bf16";
    default: return c10::toString(dtype);
  }
}

std::optional<int64_t> available_bytes(at::Device device) {
  if (!device.is_cpu()) {
    try {
      at::getDeviceAllocator(device.type())->emptyCache();  // what tensors of before left behind is free too
      return static_cast<int64_t>(at::getDeviceAllocator(device.type())->getMemoryInfo(device.has_index() ? device.index() : 0).first);
    } catch (const c10::Error&) {
      return std::nullopt;
    }
  }
  const Memory memory = read_memory();
  if (memory.total_bytes == 0) return std::nullopt;
  return static_cast<int64_t>(memory.available_bytes);
}

std::vector<std::string> list_gpus() {
  std::vector<std::string> names;
  if (load_cuda() != "available") return names;
  const int count = at::detail::getCUDAHooks().deviceCount();
  for (int i = 0; i < count; ++i) names.push_back(fmt::format("cuda:{}", i));
  return names;
}

}  // namespace dreamrunner
