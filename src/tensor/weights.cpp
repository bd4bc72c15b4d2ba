#include "tensor/weights.h"

#include <map>
#include <set>
#include <vector>

#include <ATen/ATen.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/json.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr const char* kPickleHint = "convert it to safetensors with the library that wrote it; pickled files are never read";

[[noreturn]] void refuse_missing(const fs::path& folder, const std::string& stem) {
  if (!fs::is_directory(folder)) {
    throw Error(ErrorKind::input_file, fmt::format("{}: no such folder", folder.string()), "the model lacks this part: download it again");
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string extension = entry.path().extension();
    if (extension == ".bin" || extension == ".pt" || extension == ".ckpt" || extension == ".pth") {
      throw Error(ErrorKind::input_file, fmt::format("{}: only pickled weights here, {}.safetensors expected", entry.path().string(), stem), kPickleHint);
    }
  }
  throw Error(ErrorKind::input_file, fmt::format("{}: neither {}.safetensors nor {}.safetensors.index.json is there", folder.string(), stem, stem));
}

/// A shard is a plain name of a file in the folder of its index: no separators, so no way out.
void check_shard_name(const std::string& shard, const std::string& origin) {
  if (shard.empty() || shard.find('/') != std::string::npos || shard.find('\\') != std::string::npos || shard == "." || shard == "..") {
    throw Error(ErrorKind::input_file, fmt::format("{}: shard name \"{}\" leads out of the folder", origin, shard));
  }
  if (!shard.ends_with(".safetensors")) {
    throw Error(ErrorKind::input_file, fmt::format("{}: shard \"{}\" is no safetensors file", origin, shard), kPickleHint);
  }
}

}  // namespace

struct Weights::Store {
  struct Place {
    size_t file;
    size_t entry;
  };
  fs::path folder;
  at::Device device = at::kCPU;
  std::vector<TensorFile> files;
  std::map<std::string, Place> places;
  std::set<std::string> taken;

  void add_file(const fs::path& path) {
    const size_t file = files.size();
    files.emplace_back(path);
    const auto& tensors = files.back().index().tensors;
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (!places.emplace(tensors[i].name, Place{file, i}).second) {
        throw Error(ErrorKind::input_file, fmt::format("{}: tensor \"{}\" is also in another shard", path.string(), tensors[i].name));
      }
    }
  }

  void add_shards(const fs::path& index_path) {
    const Json index = read_json_file(index_path, {.max_depth = 8, .max_bytes = 64u << 20});
    if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
      throw Error(ErrorKind::input_file, index_path.string() + ": weight_map is missing");
    }
    std::map<std::string, std::string> shard_of;
    std::set<std::string> shards;
    for (const auto& [name, shard] : index["weight_map"].items()) {
      if (!shard.is_string()) throw Error(ErrorKind::input_file, fmt::format("{}: shard of \"{}\" is no name", index_path.string(), name));
      check_shard_name(shard, index_path.string());
      shard_of[name] = shard;
      shards.insert(shard);
    }
    for (const std::string& shard : shards) add_file(folder / shard);
    for (const auto& [name, shard] : shard_of) {
      const auto found = places.find(name);
      if (found == places.end()) {
        throw Error(ErrorKind::input_file, fmt::format("{}: tensor \"{}\" is in no shard, expected in {}", index_path.string(), name, shard),
                    "a shard is stale or cut off: download the folder again");
      }
      const fs::path actual = files[found->second.file].path().filename();
      if (actual != shard) {
        throw Error(ErrorKind::input_file, fmt::format("{}: tensor \"{}\" is in {}, the index says {}", index_path.string(), name, actual.string(), shard),
                    "index and shards are of different downloads");
      }
    }
  }

  const TensorEntry& entry(const Place& place) const { return files[place.file].index().tensors[place.entry]; }
};

Weights Weights::open(const fs::path& folder, const std::string& stem, Placement placement) {
  auto store = std::make_shared<Store>();
  store->folder = folder;
  store->device = placement.device;
  const fs::path single = folder / (stem + ".safetensors");
  const fs::path index = folder / (stem + ".safetensors.index.json");
  if (fs::exists(single)) {
    store->add_file(single);
  } else if (fs::exists(index)) {
    store->add_shards(index);
  } else {
    refuse_missing(folder, stem);
  }
  return {std::move(store), "", placement.dtype};
}

at::ScalarType Weights::stored_dtype() const {
  std::map<at::ScalarType, uint64_t> bytes;
  for (const auto& [name, place] : store_->places) {
    const TensorEntry& entry = store_->entry(place);
    bytes[scalar_type(entry.type)] += entry.size;
  }
  at::ScalarType most = at::kFloat;
  uint64_t size = 0;
  for (const auto& [type, count] : bytes) {
    if (count > size) most = type, size = count;
  }
  return most;
}

Weights Weights::operator/(const std::string& name) const { return {store_, prefix_ + name + ".", dtype_}; }

bool Weights::has(const std::string& name) const { return store_->places.contains(prefix_ + name); }

at::Tensor Weights::take(const std::string& name, at::IntArrayRef shape) const {
  const std::string full = prefix_ + name;
  const auto found = store_->places.find(full);
  if (found == store_->places.end()) {
    throw Error(ErrorKind::input_file, fmt::format("{}: tensor \"{}\" is missing, {} expected", store_->folder.string(), full, shape_text(shape)));
  }
  const TensorFile& file = store_->files[found->second.file];
  const TensorEntry& entry = store_->entry(found->second);
  if (at::IntArrayRef(entry.shape) != shape) {
    throw Error(ErrorKind::input_file, fmt::format("{}: tensor \"{}\": found {}, expected {}", file.path().string(), full,
                                                   shape_text(entry.shape), shape_text(shape)),
                "config.json and weights are of different models");
  }
  store_->taken.insert(full);
  at::Tensor tensor = file.tensor(entry);
  if (!tensor.is_floating_point()) {
    throw Error(ErrorKind::input_file, fmt::format("{}: tensor \"{}\" holds {}, floating point expected", file.path().string(), full, type_name(entry.type)));
  }
  const at::Device device = store_->device;
  if (tensor.scalar_type() == dtype_ && device.is_cpu()) return tensor;
  const bool converts = tensor.scalar_type() != dtype_;
  tensor = tensor.to(device, dtype_);
  // A sum is NaN or infinite when any element is, and costs one pass that the conversion has already paid for in cache.
  if (converts && tensor.numel() > 0 && !std::isfinite(tensor.sum(at::kFloat).item<float>()) && !at::isfinite(tensor).all().item<bool>()) {
    throw Error(ErrorKind::input_file, fmt::format("{}: tensor \"{}\" has NaN or infinite values as {}", file.path().string(), full, dtype_name(dtype_)));
  }
  return tensor;
}

void Weights::ignore(const std::string& name) const { store_->taken.insert(prefix_ + name); }

void Weights::finish() const {
  std::vector<std::string> left;
  for (const auto& [name, place] : store_->places) {
    if (!store_->taken.contains(name)) left.push_back(name);
  }
  if (left.empty()) return;
  const size_t count = left.size();
  left.resize(std::min<size_t>(count, 3));
  throw Error(ErrorKind::input_file, fmt::format("{}: {} tensors belong to no layer of this model: {}{}", store_->folder.string(), count,
                                                 fmt::join(left, ", "), count > 3 ? ", ..." : ""),
              "config.json and weights are of different models");
}

}  // namespace dreamrunner
