#include "engine/forward_io.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "tensor/finite.h"

namespace dreamrunner {

at::Tensor Inputs::take(const std::string& name, int64_t dimensions) {
  const at::Tensor tensor = require_tensor(tensors_, name, origin_);
  if (tensor.dim() != dimensions || tensor.numel() == 0) {
    throw Error(ErrorKind::usage, fmt::format("{}: {}: found {}, {} dimensions expected", origin_, name, shape_text(tensor.sizes()), dimensions));
  }
  taken_.insert(name);
  return tensor;
}

std::optional<at::Tensor> Inputs::take_if_there(const std::string& name, int64_t dimensions) {
  if (!tensors_.contains(name)) return std::nullopt;
  return take(name, dimensions);
}

void Inputs::finish() const {
  for (const auto& [name, tensor] : tensors_) {
    if (!taken_.contains(name)) throw Error(ErrorKind::usage, fmt::format("{}: tensor \"{}\" is not read by this part", origin_, name));
  }
}

Placement placement_of(const ForwardRequest& request) {
  const at::Device device = choose_device(request.device);
  return {.device = device, .dtype = choose_dtype(request.dtype, device, at::kFloat)};
}

void write_result(const ForwardRequest& request, const TensorMap& tensors) {
  TensorMap wide;
  for (const auto& [name, tensor] : tensors) {
    if (tensor.is_floating_point()) require_finite(tensor, request.part, name);
    wide[name] = tensor.is_floating_point() ? tensor.to(at::kFloat) : tensor;
  }
  write_tensors(request.output, wide);
}

}  // namespace dreamrunner
