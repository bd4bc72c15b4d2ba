#include "film/lora_base.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "stages/model_location.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

// As git does: enough of a fingerprint to tell two models apart.
constexpr size_t kShort = 8;

std::string text_of(const Json& info, const char* key) {
  const auto found = info.find(key);
  return found != info.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string in_words(const std::string& name, const std::string& fingerprint) {
  return name.empty() ? fmt::format("another model ({})", fingerprint.substr(0, kShort)) : fmt::format("{} ({})", name, fingerprint.substr(0, kShort));
}

}  // namespace

LoraBase lora_base(const SafetensorsIndex& index) {
  const auto found = index.metadata.find("dreamrunner");
  if (found == index.metadata.end()) return {};
  try {
    const Json info = parse_json(found->second, "metadata");
    if (!info.is_object()) return {};
    return {text_of(info, "base"), text_of(info, "base_name")};
  } catch (const Error&) {
    return {};
  }
}

LoraBase lora_base(const fs::path& path) {
  std::error_code code;
  const fs::path file = fs::is_directory(path, code) ? path / "pytorch_lora_weights.safetensors" : path;
  if (!fs::is_regular_file(file, code)) return {};
  const MappedFile mapped(file);
  return lora_base(parse_safetensors(mapped.bytes(), file.string()));
}

std::string other_base_in_words(const LoraBase& base, const fs::path& model, const std::string& fingerprint) {
  if (base.fingerprint.empty() || base.fingerprint == fingerprint) return {};
  return fmt::format("learnt on {}, not on {}", in_words(base.name, base.fingerprint), in_words(model_name(model), fingerprint));
}

}  // namespace dreamrunner
