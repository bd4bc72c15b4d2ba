#include <cstring>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/files.h"
#include "base/safetensors_index.h"
#include "cli/inspect.h"
#include "cli/tensor_scan.h"

namespace dreamrunner {
namespace {

// One screen holds so much.
constexpr size_t kNamesShown = 4;
constexpr size_t kMetadataShown = 8;
constexpr size_t kMetadataLetters = 200;

int64_t element_count(const TensorEntry& tensor) { return static_cast<int64_t>(tensor.size) / element_size(tensor.type); }

std::string shape_and_type(const TensorEntry& tensor) {
  return fmt::format("{} [{}]", type_name(tensor.type), fmt::join(tensor.shape, ", "));
}

/// The first and last tensors, or all.
Json tensor_names(const SafetensorsIndex& index, bool all) {
  Json names = Json::object();
  const size_t count = index.tensors.size();
  for (size_t i = 0; i < count; ++i) {
    if (!all && count > 2 * kNamesShown && i == kNamesShown) {
      i = count - kNamesShown;
      names["..."] = fmt::format("{} more; --all lists them", count - 2 * kNamesShown);
    }
    names[index.tensors[i].name] = shape_and_type(index.tensors[i]);
  }
  return names;
}

Json metadata_of(const SafetensorsIndex& index, bool all) {
  Json metadata = Json::object();
  for (const auto& [name, value] : index.metadata) {
    if (!all && metadata.size() == kMetadataShown) {
      metadata["..."] = fmt::format("{} more; --all lists them", index.metadata.size() - kMetadataShown);
      break;
    }
    metadata[name] = all || value.size() <= kMetadataLetters ? value : value.substr(0, kMetadataLetters) + " ...";
  }
  return metadata;
}

}  // namespace

Json inspect_safetensors(const std::filesystem::path& file, const InspectOptions& options) {
  const MappedFile mapped(file);
  const SafetensorsIndex index = parse_safetensors(mapped.bytes(), file.string());

  int64_t parameters = 0;
  std::map<std::string, int64_t> types;
  for (const TensorEntry& tensor : index.tensors) {
    parameters += element_count(tensor);
    ++types[type_name(tensor.type)];
  }
  Json report = {{"kind", "safetensors"},           {"path", file.string()},    {"size_bytes", uint64_t{mapped.bytes().size()}},
                 {"tensors", index.tensors.size()}, {"parameters", parameters}, {"types", types}};
  const Json lora = inspect_lora(index, file);
  if (!lora.is_null()) report["lora"] = lora;
  if (!index.metadata.empty()) report["metadata"] = metadata_of(index, options.all);
  if (options.deep) {
    Json bad = Json::array();
    int64_t values = 0;
    for (const TensorEntry& tensor : index.tensors) {
      const int64_t found = count_not_finite(tensor, mapped.bytes());
      if (found > 0) bad.push_back(tensor.name);
      values += found;
    }
    report["not_finite_values"] = values;
    if (!bad.empty()) report["bad_tensors"] = bad;
  }
  report["names"] = tensor_names(index, options.all);
  return report;
}

}  // namespace dreamrunner
