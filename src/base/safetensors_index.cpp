#include "base/safetensors_index.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/json.h"

namespace dreamrunner {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kMaxRank = 8;

struct TypeRow {
  TensorType type;
  const char* name;
  int64_t size;
};

constexpr std::array<TypeRow, 10> kTypes{{{TensorType::boolean, "BOOL", 1},
                                          {TensorType::u8, "U8", 1},
                                          {TensorType::i8, "I8", 1},
                                          {TensorType::i16, "I16", 2},
                                          {TensorType::i32, "I32", 4},
                                          {TensorType::i64, "I64", 8},
                                          {TensorType::f16, "F16", 2},
                                          {TensorType::bf16, "BF16", 2},
                                          {TensorType::f32, "F32", 4},
                                          {TensorType::f64, "F64", 8}}};

const TypeRow& row_of(TensorType type) {
  return *std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& row) { return row.type == type; });
}

[[noreturn]] void refuse(const std::string& origin, const std::string& what, std::string hint = {}) {
  throw Error(ErrorKind::input_file, origin + ": " + what, std::move(hint));
}

/// A non-negative integer of the header, or a refusal that names where it stands. Doubles such as 1.0 or 1e3 are refused.
uint64_t natural(const Json& value, const std::string& origin, const std::string& where) {
  if (!value.is_number_unsigned()) refuse(origin, fmt::format("{}: found {}, a whole number from 0 expected", where, value.dump()));
  return value.get<uint64_t>();
}

TensorEntry read_entry(const std::string& name, const Json& value, uint64_t data_start, uint64_t data_size, const std::string& origin) {
  const std::string where = fmt::format("tensor \"{}\"", name);
  if (!value.is_object()) refuse(origin, where + ": found no object");
  for (const auto& [key, unused] : value.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") refuse(origin, fmt::format("{}: unknown field \"{}\"", where, key));
  }
  if (!value.contains("dtype") || !value["dtype"].is_string()) refuse(origin, where + ": dtype is missing");
  if (!value.contains("shape") || !value["shape"].is_array()) refuse(origin, where + ": shape is missing");
  if (!value.contains("data_offsets") || !value["data_offsets"].is_array() || value["data_offsets"].size() != 2) {
    refuse(origin, where + ": data_offsets must be two numbers");
  }

  TensorEntry entry;
  entry.name = name;
  const std::string type = value["dtype"];
  const auto row = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& candidate) { return type == candidate.name; });
  if (row == kTypes.end()) refuse(origin, fmt::format("{}: dtype {} is not supported", where, type), "convert the file to F32, F16 or BF16");
  entry.type = row->type;

  if (value["shape"].size() > kMaxRank) {
    refuse(origin, fmt::format("{}: {} dimensions, at most {} expected", where, value["shape"].size(), kMaxRank));
  }
  uint64_t expected = static_cast<uint64_t>(row->size);
  bool empty = false;
  for (const Json& extent : value["shape"]) {
    const uint64_t n = natural(extent, origin, where + ": shape");
    if (n > (1ull << 62)) refuse(origin, fmt::format("{}: shape {} overflows", where, value["shape"].dump()));
    entry.shape.push_back(static_cast<int64_t>(n));
    if (n == 0) empty = true;
    if (!empty && __builtin_mul_overflow(expected, n, &expected)) {
      refuse(origin, fmt::format("{}: shape {} overflows", where, value["shape"].dump()));
    }
  }
  if (empty) expected = 0;

  const uint64_t begin = natural(value["data_offsets"][0], origin, where + ": data_offsets");
  const uint64_t end = natural(value["data_offsets"][1], origin, where + ": data_offsets");
  if (end < begin) refuse(origin, fmt::format("{}: data_offsets [{}, {}] run backwards", where, begin, end));
  if (end > data_size) {
    refuse(origin, fmt::format("{}: ends at byte {} of the data, the file holds {}", where, end, data_size),
           "the file is cut off: download it again");
  }
  if (end - begin != expected) {
    refuse(origin, fmt::format("{}: {} bytes at its offsets, {} expected for {} {}", where, end - begin, expected, type, value["shape"].dump()));
  }
  entry.offset = data_start + begin;
  entry.size = end - begin;
  return entry;
}

/// The data must be covered exactly: no overlap, no hole, nothing behind the last tensor.
void check_cover(const std::vector<TensorEntry>& sorted, uint64_t data_start, uint64_t file_size, const std::string& origin) {
  uint64_t at = data_start;
  const TensorEntry* before = nullptr;
  for (const TensorEntry& entry : sorted) {
    if (entry.size == 0) continue;
    if (entry.offset < at) refuse(origin, fmt::format("tensors \"{}\" and \"{}\" overlap", before->name, entry.name));
    if (entry.offset > at) {
      refuse(origin, fmt::format("gap of {} bytes before tensor \"{}\"", entry.offset - at, entry.name));
    }
    at = entry.offset + entry.size;
    before = &entry;
  }
  if (at != file_size) refuse(origin, fmt::format("{} trailing bytes behind the last tensor", file_size - at));
}

}  // namespace

int64_t element_size(TensorType type) { return row_of(type).size; }

const char* type_name(TensorType type) { return row_of(type).name; }

SafetensorsIndex parse_safetensors(std::span<const std::byte> file, const std::string& origin) {
  constexpr std::string_view kPointer = "version https://git-lfs";
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (text.starts_with(kPointer)) {
    refuse(origin, "this is a Git-LFS pointer, not the weights", "fetch the real file (git lfs pull)");
  }
  if (file.size() < 8) refuse(origin, fmt::format("file is {} bytes, a safetensors file has at least 8", file.size()));
  uint64_t header_size = 0;
  for (size_t i = 0; i < 8; ++i) header_size |= std::to_integer<uint64_t>(file[i]) << (8 * i);
  if (header_size == 0) refuse(origin, "header length is 0");
  if (header_size > kMaxHeaderBytes) {
    refuse(origin, fmt::format("header length is {}, at most {} expected", header_size, kMaxHeaderBytes), "this is no safetensors file");
  }
  if (header_size > file.size() - 8) {
    refuse(origin, fmt::format("file is {} bytes, its header needs {}", file.size(), header_size + 8), "the file is cut off: download it again");
  }
  const std::string_view header_text = text.substr(8, header_size);
  if (header_text.front() != '{') refuse(origin, "header does not begin with {");
  const Json header = parse_json(header_text, origin + ": header", {.max_depth = 4, .max_bytes = kMaxHeaderBytes});
  if (!header.is_object()) refuse(origin, "header is no JSON object");

  SafetensorsIndex index;
  const uint64_t data_start = 8 + header_size;
  for (const auto& [name, value] : header.items()) {
    if (name != "__metadata__") {
      index.tensors.push_back(read_entry(name, value, data_start, file.size() - data_start, origin));
      continue;
    }
    if (!value.is_object()) refuse(origin, "__metadata__ is no object");
    for (const auto& [key, entry] : value.items()) {
      if (!entry.is_string()) refuse(origin, fmt::format("__metadata__: \"{}\" is no string", key));
      index.metadata[key] = entry.get<std::string>();
    }
  }
  std::stable_sort(index.tensors.begin(), index.tensors.end(),
                   [](const TensorEntry& a, const TensorEntry& b) { return a.offset != b.offset ? a.offset < b.offset : a.size < b.size; });
  check_cover(index.tensors, data_start, file.size(), origin);
  return index;
}

std::string make_safetensors_header(std::vector<TensorEntry>& tensors, const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t at = 0;
  for (TensorEntry& entry : tensors) {
    entry.size = static_cast<uint64_t>(element_size(entry.type));
    for (const int64_t n : entry.shape) entry.size *= static_cast<uint64_t>(n);
    entry.offset = at;
    header[entry.name] = {{"dtype", type_name(entry.type)}, {"shape", entry.shape}, {"data_offsets", {at, at + entry.size}}};
    at += entry.size;
  }
  std::string text = header.dump();
  text.append((64 - (8 + text.size()) % 64) % 64, ' ');
  std::string bytes(8, '\0');
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>((text.size() >> (8 * i)) & 0xff);
  bytes += text;
  for (TensorEntry& entry : tensors) entry.offset += bytes.size();
  return bytes;
}

}  // namespace dreamrunner
