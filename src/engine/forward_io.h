#pragma once

#include <optional>
#include <set>
#include <string>

#include <ATen/core/Tensor.h>

#include "stages/stages.h"
#include "tensor/device.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {

/// The tensors of a request, taken by name; at the end none may be left over.
class Inputs {
 public:
  explicit Inputs(const std::filesystem::path& path) : origin_(path.string()), tensors_(read_tensors(path)) {}

  /// Throws Error(input_file) when it is missing, Error(usage) when it has other dimensions or nothing in it.
  at::Tensor take(const std::string& name, int64_t dimensions);
  std::optional<at::Tensor> take_if_there(const std::string& name, int64_t dimensions);
  /// Throws Error(usage) naming a tensor that nobody took.
  void finish() const;

  const std::string& origin() const { return origin_; }

 private:
  std::string origin_;
  TensorMap tensors_;
  std::set<std::string> taken_;
};

/// Where a request wants to be computed, and in which type.
Placement placement_of(const ForwardRequest& request);

/// Results leave in fp32 whatever they were computed in: a half is exactly a float, and readers need no half type.
void write_result(const ForwardRequest& request, const TensorMap& tensors);

}  // namespace dreamrunner
