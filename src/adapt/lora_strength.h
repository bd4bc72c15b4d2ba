#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapt/name_pattern.h"
#include "base/json.h"

namespace dreamrunner {

/// What a PEFT configuration says of ranks and strengths: of a folder (adapter_config.json) or of a file's metadata.
class LoraSettings {
 public:
  /// `config` is a LoraConfig as JSON; what it lacks has PEFT's defaults (r 8, lora_alpha 8). Throws Error(input_file) naming
  /// `origin` for what is no LoRA (other PEFT methods), for features that change the arithmetic and are not read (DoRA, PiSSA
  /// and the like, transposed weights), and for values of a wrong type.
  LoraSettings(const Json& config, std::string origin);

  const std::string& origin() const { return origin_; }
  /// The rank that is promised for a module.
  int64_t rank_of(const std::string& module) const;
  double alpha_of(const std::string& module) const;
  /// The strength of alpha at a rank: alpha / rank, with rsLoRA alpha / sqrt(rank).
  double scale(double alpha, int64_t rank) const;
  bool rank_stabilised() const { return rank_stabilised_; }

 private:
  struct Pattern {
    std::string text;
    NamePattern pattern;
    double value;
  };

  double number(const Json& config, const char* key, double missing) const;
  std::vector<Pattern> patterns(const Json& config, const char* key) const;
  static double find(const std::vector<Pattern>& patterns, const std::string& module, double missing);

  std::string origin_;
  double rank_ = 8;
  double alpha_ = 8;
  bool rank_stabilised_ = false;
  std::vector<Pattern> rank_patterns_;
  std::vector<Pattern> alpha_patterns_;
};

/// What a file's header says of strength. `lora_adapter_metadata` (diffusers) is a configuration as PEFT has it, each key
/// behind "transformer."; `lora_config` (finetrainers) is a short one.
struct HeaderStrength {
  std::optional<LoraSettings> settings;
  bool settings_bind = false;   ///< The ranks in `settings` must be those of the tensors.
  std::optional<double> alpha;  ///< One number for all modules, where that is all there is (`ss_network_alpha`, `lora_alpha`).
  std::string alpha_key;        ///< Where it was found.
};

/// Reads the header's metadata. Throws Error(input_file) for JSON and numbers that cannot be read.
HeaderStrength read_header_strength(const std::map<std::string, std::string>& metadata, const std::string& origin);

}  // namespace dreamrunner
