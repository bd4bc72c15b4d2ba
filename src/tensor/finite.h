#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace dreamrunner {

/// Throws Error(numerical) that names `stage`, `tensor_name` and how many values are NaN or infinite, if any is.
/// Waits for the device.
void require_finite(const at::Tensor& tensor, const std::string& stage, const std::string& tensor_name);

}  // namespace dreamrunner
