#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/safetensors_index.h"
#include "cli/inspect.h"
#include "cli/tensor_scan.h"
#include "text/spiece_model.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// The value of `key`, null where there is none.
Json value_of(const Json& config, const char* key) {
  const auto found = config.is_object() ? config.find(key) : config.end();
  return found == config.end() ? Json() : *found;
}

int64_t whole_of(const Json& config, const char* key, int64_t fallback = 0) {
  const Json value = value_of(config, key);
  return value.is_number_integer() ? value.get<int64_t>() : fallback;
}

std::string text_of(const Json& config, const char* key) {
  const Json value = value_of(config, key);
  return value.is_string() ? value.get<std::string>() : "";
}

bool flag_of(const Json& config, const char* key) {
  const Json value = value_of(config, key);
  return value.is_boolean() && value.get<bool>();
}

/// The weight files of a part: those its shard index names, else the one with the usual name, else all.
std::vector<fs::path> weight_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const char* stem : {"diffusion_pytorch_model", "model"}) {
    const fs::path index = folder / (std::string(stem) + ".safetensors.index.json");
    if (!fs::exists(index)) continue;
    std::set<std::string> names;
    const Json map = value_of(read_json_file(index), "weight_map");
    if (!map.is_object()) throw Error(ErrorKind::input_file, fmt::format("{}: weight_map: an object expected", index.string()));
    for (const auto& [tensor, shard] : map.items()) {
      const std::string name = shard.is_string() ? shard.get<std::string>() : "";
      if (name.empty() || fs::path(name).filename() != name || name == "..") {
        throw Error(ErrorKind::input_file,
                    fmt::format("{}: {}: found {}, the name of a file beside it expected", index.string(), tensor, shard.dump()));
      }
      names.insert(name);
    }
    for (const std::string& name : names) files.push_back(folder / name);
    return files;
  }
  for (const char* stem : {"diffusion_pytorch_model", "model"}) {
    const fs::path file = folder / (std::string(stem) + ".safetensors");
    if (fs::exists(file)) return {file};
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void add_weights(Json& report, const fs::path& folder, const InspectOptions& options) {
  const std::vector<fs::path> files = weight_files(folder);
  if (files.empty()) return;
  int64_t parameters = 0;
  uint64_t bytes = 0;
  size_t tensors = 0;
  std::set<std::string> types;
  Json names = Json::object();
  Json bad = Json::array();
  for (const fs::path& file : files) {
    const MappedFile mapped(file);
    const SafetensorsIndex index = parse_safetensors(mapped.bytes(), file.string());
    bytes += mapped.bytes().size();
    tensors += index.tensors.size();
    for (const TensorEntry& tensor : index.tensors) {
      parameters += static_cast<int64_t>(tensor.size) / element_size(tensor.type);
      types.insert(type_name(tensor.type));
      if (options.all)
        names[tensor.name] =
            fmt::format("{} of {} values", type_name(tensor.type), static_cast<int64_t>(tensor.size) / element_size(tensor.type));
      if (options.deep && count_not_finite(tensor, mapped.bytes()) > 0) bad.push_back(tensor.name);
    }
  }
  report["parameters"] = parameters;
  report["stored_as"] = types;
  report["size_bytes"] = bytes;
  report["tensors"] = tensors;
  if (files.size() > 1) report["shards"] = files.size();
  if (options.all) report["names"] = names;
  if (options.deep && bad.empty()) report["not_finite_values"] = 0;
  if (!bad.empty()) report["bad_tensors"] = bad;
}

/// What decides the sizes of each kind of part, in words.
void describe_text_encoder(Json& report, const Json& config) {
  report["layout"] = fmt::format("{} layers, {} heads of {}, width {}", whole_of(config, "num_layers"), whole_of(config, "num_heads"),
                                 whole_of(config, "d_kv"), whole_of(config, "d_model"));
  report["vocabulary"] = value_of(config, "vocab_size");
}

void describe_transformer(Json& report, const Json& config) {
  const int64_t heads = whole_of(config, "num_attention_heads");
  const int64_t head_size = whole_of(config, "attention_head_dim");
  report["layout"] =
      fmt::format("{} blocks, {} heads of {}, width {}", whole_of(config, "num_layers"), heads, head_size, heads * head_size);
  report["positions"] = flag_of(config, "use_rotary_positional_embeddings") ? "rotary" : "sin-cos";
  report["patch"] = value_of(config, "patch_size");
  report["latent_channels"] = value_of(config, "in_channels");
  report["text_length"] = value_of(config, "max_text_seq_length");
}

/// One block of the VAE fewer than there are widths halves the sides.
int64_t spatial_ratio(const Json& vae_config) {
  const Json widths = value_of(vae_config, "block_out_channels");
  const size_t halvings = widths.is_array() && !widths.empty() ? std::min<size_t>(widths.size(), 16) - 1 : 3;
  return int64_t{1} << halvings;
}

void describe_vae(Json& report, const Json& config) {
  report["widths"] = value_of(config, "block_out_channels");
  report["latent_channels"] = value_of(config, "latent_channels");
  report["ratios"] =
      fmt::format("{0} x {0} in space, {1} in time", spatial_ratio(config), whole_of(config, "temporal_compression_ratio", 4));
  report["scaling_factor"] = value_of(config, "scaling_factor");
}

void describe_scheduler(Json& report, const Json& config) {
  report["prediction"] = value_of(config, "prediction_type");
  report["train_timesteps"] = value_of(config, "num_train_timesteps");
  report["zero_terminal_snr"] = value_of(config, "rescale_betas_zero_snr");
  report["snr_shift_scale"] = value_of(config, "snr_shift_scale");
}

Json describe_part(const fs::path& folder, const InspectOptions& options) {
  Json report = Json::object();
  if (fs::exists(folder / "spiece.model")) {
    report["pieces"] = read_spiece_model(folder / "spiece.model").pieces.size();
    return report;
  }
  const bool is_scheduler = fs::exists(folder / "scheduler_config.json");
  const fs::path config_file = folder / (is_scheduler ? "scheduler_config.json" : "config.json");
  if (!fs::exists(config_file)) {
    report["missing"] = config_file.filename().string();
    return report;
  }
  const Json config = read_json_file(config_file);
  std::string name = text_of(config, "_class_name");
  if (const Json architectures = value_of(config, "architectures"); name.empty() && architectures.is_array() && !architectures.empty()) {
    name = architectures.front().is_string() ? architectures.front().get<std::string>() : "";
  }
  report["class"] = name.empty() ? Json() : Json(name);
  if (name.starts_with("T5")) describe_text_encoder(report, config);
  if (name == "CogVideoXTransformer3DModel") describe_transformer(report, config);
  if (name == "AutoencoderKLCogVideoX") describe_vae(report, config);
  if (is_scheduler) {
    describe_scheduler(report, config);
  } else {
    add_weights(report, folder, options);
  }
  return report;
}

/// What the model makes when nothing else is asked, in words; empty where its configs do not say.
std::string default_format(const fs::path& folder) {
  if (!fs::exists(folder / "transformer/config.json") || !fs::exists(folder / "vae/config.json")) return "";
  const Json transformer = read_json_file(folder / "transformer/config.json");
  const int64_t ratio = spatial_ratio(read_json_file(folder / "vae/config.json"));
  const int64_t frames = whole_of(transformer, "sample_frames");
  const int64_t width = whole_of(transformer, "sample_width");
  const int64_t height = whole_of(transformer, "sample_height");
  if (frames < 1 || width < 1 || height < 1 || std::max(width, height) > 1'000'000) return "";
  return fmt::format("{} frames of {} x {}", frames, width * ratio, height * ratio);
}

}  // namespace

Json inspect_model(const fs::path& folder, const InspectOptions& options) {
  const Json index = read_json_file(folder / "model_index.json");
  Json report = {{"kind", "model"}, {"path", folder.string()}, {"pipeline", value_of(index, "_class_name")}};
  if (const std::string format = default_format(folder); !format.empty()) report["makes"] = format;
  for (const char* part : {"tokenizer", "text_encoder", "transformer", "vae", "scheduler"}) {
    if (!fs::is_directory(folder / part)) {
      report[part] = value_of(index, part).is_null() ? "none" : "missing";
      continue;
    }
    report[part] = describe_part(folder / part, options);
  }
  return report;
}

Json inspect_model_part(const fs::path& folder, const InspectOptions& options) {
  Json report = {{"kind", "model part"}, {"path", folder.string()}};
  report.update(describe_part(folder, options));
  return report;
}

}  // namespace dreamrunner
