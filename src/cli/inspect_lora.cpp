#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/inspect.h"

// The full reading of a LoRA, against a model, is the engine's (src/adapt); this looks at names and metadata only.
namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// The matrix A in the spellings of diffusers, PEFT, Kohya's trainers and attention processors.
constexpr std::string_view kDownMarks[] = {"lora_A.", "lora_down.", "lora.down.", "lora_linear_layer.down."};

bool is_down(const std::string& name) {
  for (const std::string_view mark : kDownMarks) {
    if (name.find(mark) != std::string::npos) return true;
  }
  return false;
}

/// "4", or "4 (12 modules), 64 (6 modules)".
std::string rank_text(const std::map<int64_t, int>& ranks) {
  if (ranks.size() == 1) return std::to_string(ranks.begin()->first);
  std::vector<std::string> texts;
  for (const auto& [rank, count] : ranks) texts.push_back(fmt::format("{} ({} module{})", rank, count, count == 1 ? "" : "s"));
  return fmt::format("{}", fmt::join(texts, ", "));
}

/// "alpha 16, rank 32" of a PEFT configuration, keys with or without "transformer." in front; nothing without either.
std::optional<std::string> of_config(const Json& config) {
  std::string text;
  for (const auto& [key, label] : {std::pair{"lora_alpha", "alpha"}, {"r", "rank"}}) {
    for (const std::string& name : {std::string(key), "transformer." + std::string(key)}) {
      if (config.is_object() && config.contains(name) && config[name].is_number())
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", label, config[name].dump());
    }
  }
  if (text.empty()) return std::nullopt;
  for (const std::string& name : {std::string("use_rslora"), std::string("transformer.use_rslora")}) {
    if (config.contains(name) && config[name] == true) text += ", rank-stabilised";
  }
  for (const std::string& name : {std::string("alpha_pattern"), std::string("transformer.alpha_pattern")}) {
    if (config.contains(name) && config[name].is_object() && !config[name].empty()) text += ", others by pattern";
  }
  return text;
}

/// Where the strength of the modules comes from.
std::string strength_text(const SafetensorsIndex& index, const fs::path& file, int modules) {
  int alphas = 0;
  for (const TensorEntry& tensor : index.tensors) alphas += tensor.name.ends_with(".alpha") ? 1 : 0;
  if (alphas > 0) return fmt::format("alpha in {} of {} modules", alphas, modules);
  const fs::path beside = file.parent_path() / "adapter_config.json";
  if (file.filename() == "adapter_model.safetensors" && fs::exists(beside)) {
    if (const auto text = of_config(read_json_file(beside))) return fmt::format("{} (adapter_config.json)", *text);
  }
  for (const char* key : {"lora_adapter_metadata", "lora_config"}) {
    const auto found = index.metadata.find(key);
    if (found == index.metadata.end()) continue;
    if (const auto text = of_config(parse_json(found->second, fmt::format("{}: metadata {}", file.string(), key))))
      return fmt::format("{} ({})", *text, key);
  }
  for (const char* key : {"ss_network_alpha", "lora_alpha"}) {
    const auto found = index.metadata.find(key);
    if (found != index.metadata.end()) return fmt::format("alpha {} ({})", found->second.substr(0, 40), key);
  }
  return "no alpha: strength 1";
}

}  // namespace

Json inspect_lora(const SafetensorsIndex& index, const fs::path& file) {
  std::map<int64_t, int> ranks;
  int modules = 0;
  for (const TensorEntry& tensor : index.tensors) {
    if (!is_down(tensor.name) || tensor.shape.size() < 2) continue;
    ++ranks[tensor.shape[0]];
    ++modules;
  }
  if (modules == 0) return nullptr;
  Json report = Json::object();
  const auto own = index.metadata.find("dreamrunner");
  if (own != index.metadata.end()) {
    const Json info = parse_json(own->second, fmt::format("{}: metadata dreamrunner", file.string()));
    for (const char* key : {"kind", "name", "base_name", "base", "blocks", "step"}) {
      if (info.is_object() && info.contains(key) && info[key] != "") report[key] = info[key];
    }
  }
  report["modules"] = modules;
  report["rank"] = rank_text(ranks);
  report["strength"] = strength_text(index, file, modules);
  return report;
}

}  // namespace dreamrunner
