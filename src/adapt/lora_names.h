#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "adapt/adaptable_linear.h"

namespace dreamrunner {

/// What a tensor of a LoRA file is to its module.
enum class LoraPart {
  down,     ///< A, [rank, in].
  up,       ///< B, [out, rank].
  up_bias,  ///< A bias beside B, [out].
  alpha,    ///< The module's own alpha.
  foreign,  ///< Something that is not applied here.
};

/// A tensor's name, taken apart.
struct LoraTensorName {
  LoraPart part = LoraPart::foreign;
  std::string module;  ///< Without prefixes; as spelled in the file, so perhaps flattened.
  std::string kind;    ///< Of a foreign tensor: what it is, for people ("DoRA").
  std::string hint;    ///< And what can be done about it.
};

/// Takes a tensor's name apart: prefixes of wrappers and programs off, endings of all known spellings. See docs/lora-files.md
/// for the list.
LoraTensorName parse_lora_name(const std::string& name);

/// The modules of a model by the names that files give them: as they are, or flattened with "_" for every dot behind
/// "lora_unet_" and the like. Flattened names are found by flattening the model's own names, never by cutting at "_".
class LoraModuleNames {
 public:
  explicit LoraModuleNames(const std::vector<AdaptableLinear>& linears);

  /// The linear of `module` (as in `LoraTensorName`), or null.
  const AdaptableLinear* find(const std::string& module) const;

  /// Why a module may be unknown, for a hint: a block beyond the model's, or a name of another architecture. May be empty.
  std::string why_unknown(const std::string& module) const;

 private:
  std::map<std::string, const AdaptableLinear*> exact_;
  std::map<std::string, const AdaptableLinear*> flattened_;
  int64_t blocks_ = 0;
};

}  // namespace dreamrunner
