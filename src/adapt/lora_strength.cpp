#include "adapt/lora_strength.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

constexpr size_t kMostPatterns = 10'000;
constexpr std::string_view kDiffusersPrefix = "transformer.";

[[noreturn]] void refuse(const std::string& origin, const std::string& why, const std::string& hint = {}) {
  throw Error(ErrorKind::input_file, fmt::format("{}: {}", origin, why), hint);
}

/// True for a key that is there and not null, false, empty or zero.
bool is_set(const Json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return false;
  if (found->is_boolean()) return found->get<bool>();
  if (found->is_structured()) return !found->empty();
  return true;
}

/// Starts that replace part of the model's own weights: the file alone does not say by what.
bool changes_the_model(const std::string& start) {
  return start == "olora" || start == "loftq" || start.starts_with("pissa") || start.starts_with("corda");
}

void refuse_other_arithmetic(const Json& config, const std::string& origin) {
  constexpr const char* kMergeHint = "merge it into the model's weights with the program that made it, or learn a plain LoRA";
  const auto type = config.find("peft_type");
  if (type != config.end() && type->is_string() && type->get<std::string>() != "LORA") {
    refuse(origin, fmt::format("peft_type {} found, LORA expected", type->get<std::string>()), kMergeHint);
  }
  for (const auto& [key, what] : {std::pair{"use_dora", "DoRA"},
                                  {"fan_in_fan_out", "transposed weights"},
                                  {"use_qalora", "QALoRA"},
                                  {"layer_replication", "repeated layers"},
                                  {"alora_invocation_tokens", "aLoRA"}}) {
    if (is_set(config, key)) refuse(origin, fmt::format("{} ({}) is not read", key, what), kMergeHint);
  }
  const auto start = config.find("init_lora_weights");
  if (start != config.end() && start->is_string() && changes_the_model(start->get<std::string>())) {
    refuse(origin, fmt::format("init_lora_weights \"{}\" is not read: it changes the model's own weights too", start->get<std::string>()),
           "in PEFT, save_pretrained(..., path_initial_model_for_weight_conversion=...) turns it into a plain LoRA");
  }
}

double read_number(const std::string& text, const std::string& origin, const std::string& key) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    refuse(origin, fmt::format("metadata {}: \"{}\" found, a number expected", key, text.substr(0, 40)));
  }
  return value;
}

/// The keys behind "transformer."; all of them where none has a prefix (diffusers' `save_lora_adapter`).
Json without_prefix(const Json& config) {
  Json plain = Json::object();
  for (const auto& [key, value] : config.items()) {
    if (key.starts_with(kDiffusersPrefix)) plain[key.substr(kDiffusersPrefix.size())] = value;
  }
  return plain.empty() && config.contains("r") ? config : plain;
}

}  // namespace

LoraSettings::LoraSettings(const Json& config, std::string origin) : origin_(std::move(origin)) {
  if (!config.is_object()) refuse(origin_, "an object expected");
  refuse_other_arithmetic(config, origin_);
  rank_ = number(config, "r", rank_);
  alpha_ = number(config, "lora_alpha", alpha_);
  rank_stabilised_ = is_set(config, "use_rslora");
  rank_patterns_ = patterns(config, "rank_pattern");
  alpha_patterns_ = patterns(config, "alpha_pattern");
}

double LoraSettings::number(const Json& config, const char* key, double missing) const {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return missing;
  if (!found->is_number() || !std::isfinite(found->get<double>())) refuse(origin_, fmt::format("{}: a number expected", key));
  return found->get<double>();
}

std::vector<LoraSettings::Pattern> LoraSettings::patterns(const Json& config, const char* key) const {
  std::vector<Pattern> read;
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return read;
  if (!found->is_object() || found->size() > kMostPatterns)
    refuse(origin_, fmt::format("{}: an object of at most {} patterns expected", key, kMostPatterns));
  for (const auto& [text, value] : found->items()) {
    if (!value.is_number() || !std::isfinite(value.get<double>())) refuse(origin_, fmt::format("{}: {}: a number expected", key, text));
    read.push_back({text, NamePattern(text, origin_ + ": " + key), value.get<double>()});
  }
  return read;
}

double LoraSettings::find(const std::vector<Pattern>& patterns, const std::string& module, double missing) {
  for (const Pattern& pattern : patterns) {
    if (pattern.pattern.matches(module)) return pattern.value;  // The first that matches, in the order of the file.
  }
  for (const Pattern& pattern : patterns) {
    if (pattern.text == module) return pattern.value;
  }
  return missing;
}

int64_t LoraSettings::rank_of(const std::string& module) const {
  const double rank = find(rank_patterns_, module, rank_);
  if (rank != std::floor(rank) || rank < 1 || rank > 1e6)
    refuse(origin_, fmt::format("rank {} found for {}, a whole number from 1 expected", rank, module));
  return static_cast<int64_t>(rank);
}

double LoraSettings::alpha_of(const std::string& module) const { return find(alpha_patterns_, module, alpha_); }

double LoraSettings::scale(double alpha, int64_t rank) const {
  return alpha / (rank_stabilised_ ? std::sqrt(static_cast<double>(rank)) : static_cast<double>(rank));
}

HeaderStrength read_header_strength(const std::map<std::string, std::string>& metadata, const std::string& origin) {
  HeaderStrength strength;
  for (const char* key : {"lora_adapter_metadata", "lora_config"}) {
    const auto found = metadata.find(key);
    if (found == metadata.end()) continue;
    const std::string place = fmt::format("{}: metadata {}", origin, key);
    Json config = parse_json(found->second, place);
    if (!config.is_object()) refuse(place, "an object expected");
    config = without_prefix(config);
    strength.settings_bind = std::string_view(key) == "lora_adapter_metadata";
    // Not of a text encoder or another program; the short form leaves nothing to PEFT's defaults.
    if (!config.contains("lora_alpha") && !(strength.settings_bind && config.contains("r"))) continue;
    strength.settings.emplace(config, place);
    return strength;
  }
  for (const char* key : {"ss_network_alpha", "lora_alpha"}) {
    const auto found = metadata.find(key);
    if (found == metadata.end() || found->second == "None") continue;
    strength.alpha = read_number(found->second, origin, key);
    strength.alpha_key = key;
    return strength;
  }
  return strength;
}

}  // namespace dreamrunner
