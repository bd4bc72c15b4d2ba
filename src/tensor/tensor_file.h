#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <ATen/core/Tensor.h>

#include "base/files.h"
#include "base/safetensors_index.h"

namespace dreamrunner {

/// Named tensors, sorted by name.
using TensorMap = std::map<std::string, at::Tensor>;

/// The ATen type of a safetensors type and back. `tensor_type` throws Error(bug) for types that the format lacks.
at::ScalarType scalar_type(TensorType type);
TensorType tensor_type(at::ScalarType type);

/// A safetensors file mapped into memory, its header checked.
class TensorFile {
 public:
  /// Throws Error(input_file) for anything but a sound safetensors file.
  explicit TensorFile(const std::filesystem::path& path);

  const SafetensorsIndex& index() const { return index_; }
  const std::filesystem::path& path() const { return file_->path(); }

  /// The tensor at `entry`, in the type it is stored in, on the CPU. It shares the mapped memory (and keeps it alive) and
  /// must not be written to; where the payload is not aligned for its type, it is a copy.
  at::Tensor tensor(const TensorEntry& entry) const;

 private:
  std::shared_ptr<MappedFile> file_;
  SafetensorsIndex index_;
};

/// All tensors of a file. Throws as `TensorFile`.
TensorMap read_tensors(const std::filesystem::path& path);

/// Writes `tensors` (of any device and layout) to a safetensors file, atomically. Throws Error(storage).
void write_tensors(const std::filesystem::path& path, const TensorMap& tensors, const std::map<std::string, std::string>& metadata = {});

/// The tensor `name`, or Error(input_file) that names what is missing and what is there.
const at::Tensor& require_tensor(const TensorMap& tensors, const std::string& name, const std::string& origin);

/// "[2, 3]".
std::string shape_text(at::IntArrayRef shape);

}  // namespace dreamrunner
