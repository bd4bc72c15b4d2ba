#include "tensor/finite.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {

void require_finite(const at::Tensor& tensor, const std::string& stage, const std::string& tensor_name) {
  const at::Tensor finite = at::isfinite(tensor);
  if (finite.all().item<bool>()) return;
  const int64_t bad = tensor.numel() - finite.sum().item<int64_t>();
  throw Error(ErrorKind::numerical,
              fmt::format("{}: {}: {} of {} values are NaN or infinite", stage, tensor_name, bad, tensor.numel()),
              "try --dtype fp32 or bf16, and `dreamrunner inspect --deep` on the model and on each LoRA");
}

}  // namespace dreamrunner
