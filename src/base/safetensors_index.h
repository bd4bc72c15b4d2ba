#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dreamrunner {

/// Element types of the safetensors format that the program reads.
enum class TensorType { boolean, u8, i8, i16, i32, i64, f16, bf16, f32, f64 };

/// Bytes of one element.
int64_t element_size(TensorType type);

/// The format's name of a type, such as "BF16".
const char* type_name(TensorType type);

/// One tensor of a safetensors file.
struct TensorEntry {
  std::string name;
  TensorType type;
  std::vector<int64_t> shape;  ///< Empty for a scalar.
  uint64_t offset;             ///< Of the first byte, from the start of the file.
  uint64_t size;               ///< In bytes.
};

/// What a safetensors file holds: names, types, shapes and places, not the numbers.
struct SafetensorsIndex {
  std::vector<TensorEntry> tensors;  ///< In the order of their places in the file.
  std::map<std::string, std::string> metadata;
};

/// Checks and reads the header of a safetensors file that is mapped or read at `file`.
/// Every size is checked against the file before anything is allocated: header length, JSON, types, shape x type against
/// the offsets, overlaps, holes, trailing bytes. Throws Error(input_file) naming `origin`, the tensor and both numbers.
/// Source: the safetensors format description (8-byte little-endian length, JSON, data).
SafetensorsIndex parse_safetensors(std::span<const std::byte> file, const std::string& origin);

/// Header length (8 bytes, little endian) and JSON header for tensors laid out one after the other, padded with spaces so
/// that the data starts at a multiple of 64. `tensors` need name, type, shape; their `offset` (from the start of the file)
/// and `size` are filled in.
std::string make_safetensors_header(std::vector<TensorEntry>& tensors, const std::map<std::string, std::string>& metadata);

}  // namespace dreamrunner
