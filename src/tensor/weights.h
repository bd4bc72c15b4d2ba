#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <ATen/core/Tensor.h>

#include "tensor/device.h"

namespace dreamrunner {

/// The weights of one part of a model, taken tensor by tensor: names are scoped, shapes are checked, and `finish` makes
/// sure that nothing is left over. Copies share one record of what was taken.
class Weights {
 public:
  /// Maps `folder/STEM.safetensors`, or the shards that `folder/STEM.safetensors.index.json` names. Tensors come out in
  /// the type and on the device of `placement`; on the CPU, memory is shared with the file unless the type changes.
  /// Throws Error(input_file): no weights, only pickled ones (never read), an index that lies (shard outside the folder,
  /// shard or tensor missing, tensor in another shard), damaged files.
  static Weights open(const std::filesystem::path& folder, const std::string& stem, Placement placement);

  /// The type most of the weights are stored in.
  at::ScalarType stored_dtype() const;

  /// The type that tensors come out in.
  at::ScalarType dtype() const { return dtype_; }

  /// The same weights, coming out in another type.
  Weights with_dtype(at::ScalarType dtype) const { return {store_, prefix_, dtype}; }

  /// The same weights seen from below `name`: `(weights / "attn1").take("to_q.weight", ...)`.
  Weights operator/(const std::string& name) const;

  bool has(const std::string& name) const;

  /// Takes a tensor of exactly `shape`. Throws Error(input_file) naming the tensor and both shapes when it is missing or
  /// of another shape, and when converting it finds NaN or infinity.
  at::Tensor take(const std::string& name, at::IntArrayRef shape) const;

  /// Marks a tensor as known and not needed.
  void ignore(const std::string& name) const;

  /// Throws Error(input_file) naming the first tensors that nobody took.
  void finish() const;

 private:
  struct Store;
  Weights(std::shared_ptr<Store> store, std::string prefix, at::ScalarType dtype) : store_(std::move(store)), prefix_(std::move(prefix)), dtype_(dtype) {}
  std::shared_ptr<Store> store_;
  std::string prefix_;
  at::ScalarType dtype_;
};

}  // namespace dreamrunner
