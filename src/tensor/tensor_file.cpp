#include "tensor/tensor_file.h"

#include <fstream>

#include <ATen/ATen.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace dreamrunner {

at::ScalarType scalar_type(TensorType type) {
  switch (type) {
    case TensorType::boolean: return at::kBool;
    case TensorType::u8: return at::kByte;
    case TensorType::i8: return at::kChar;
    case TensorType::i16: return at::kShort;
    case TensorType::i32: return at::kInt;
    case TensorType::i64: return at::kLong;
    case TensorType::f16: return at::kHalf;
    case TensorType::bf16: return at::kBFloat16;
    case TensorType::f32: return at::kFloat;
    case TensorType::f64: return at::kDouble;
  }
  throw Error(ErrorKind::bug, "unknown tensor type");
}

TensorType tensor_type(at::ScalarType type) {
  for (const TensorType candidate : {TensorType::boolean, TensorType::u8, TensorType::i8, TensorType::i16, TensorType::i32,
                                     TensorType::i64, TensorType::f16, TensorType::bf16, TensorType::f32, TensorType::f64}) {
    if (scalar_type(candidate) == type) return candidate;
  }
  throw Error(ErrorKind::bug, fmt::format("safetensors has no type {}", c10::toString(type)));
}

TensorFile::TensorFile(const std::filesystem::path& path)
    : file_(std::make_shared<MappedFile>(path)), index_(parse_safetensors(file_->bytes(), path.string())) {}

at::Tensor TensorFile::tensor(const TensorEntry& entry) const {
  const auto options = at::TensorOptions().dtype(scalar_type(entry.type));
  if (entry.size == 0) return at::empty(entry.shape, options);
  void* data = const_cast<std::byte*>(file_->bytes().data() + entry.offset);
  if (entry.offset % static_cast<uint64_t>(element_size(entry.type)) != 0) {
    at::Tensor copy = at::empty(entry.shape, options);
    std::memcpy(copy.data_ptr(), data, entry.size);
    return copy;
  }
  return at::from_blob(data, entry.shape, [keep = file_](void*) {}, options);
}

TensorMap read_tensors(const std::filesystem::path& path) {
  const TensorFile file(path);
  TensorMap tensors;
  for (const TensorEntry& entry : file.index().tensors) tensors[entry.name] = file.tensor(entry);
  return tensors;
}

void write_tensors(const std::filesystem::path& path, const TensorMap& tensors, const std::map<std::string, std::string>& metadata) {
  std::vector<TensorEntry> entries;
  for (const auto& [name, tensor] : tensors) {
    entries.push_back({.name = name, .type = tensor_type(tensor.scalar_type()), .shape = tensor.sizes().vec(), .offset = 0, .size = 0});
  }
  const std::string header = make_safetensors_header(entries, metadata);
  const std::filesystem::path temporary = temporary_beside(path);
  try {
    std::ofstream file(temporary, std::ios::binary);
    file.write(header.data(), static_cast<std::streamsize>(header.size()));
    for (const TensorEntry& entry : entries) {
      const at::Tensor tensor = tensors.at(entry.name).to(at::kCPU).contiguous();
      file.write(static_cast<const char*>(tensor.const_data_ptr()), static_cast<std::streamsize>(entry.size));
    }
    file.close();
    if (!file) throw Error(ErrorKind::storage, fmt::format("{}: cannot be written: {}", path.string(), std::strerror(errno)));
    commit_file(temporary, path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw;
  }
}

const at::Tensor& require_tensor(const TensorMap& tensors, const std::string& name, const std::string& origin) {
  const auto found = tensors.find(name);
  if (found != tensors.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [key, unused] : tensors) names.push_back(key);
  throw Error(ErrorKind::input_file, fmt::format("{}: tensor \"{}\" is missing; found: {}", origin, name, fmt::join(names, ", ")));
}

std::string shape_text(at::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace dreamrunner
