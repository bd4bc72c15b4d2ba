#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <c10/core/ScalarType.h>

#include "adapt/adaptable_linear.h"
#include "base/run_context.h"
#include "nn/lora.h"

namespace dreamrunner {

/// What a LoRA file says of itself, in the metadata `dreamrunner`. All of it may be missing.
struct LoraInfo {
  std::string kind;             ///< "motion", "subject" or "".
  std::string name;             ///< The motion ("cartwheeling") or the character's token ("[v1]").
  std::string base;             ///< Fingerprint of the model it was learnt on.
  std::string base_name;        ///< The name of that model, for people.
  std::vector<int64_t> blocks;  ///< Which blocks it changes, from 0.
  std::optional<int64_t> rank;
  std::optional<double> alpha;              ///< Of the training. The tensors in a file of ours hold the strength already.
  std::optional<int64_t> step;              ///< How many steps it learnt.
  std::map<std::string, std::string> data;  ///< Hashes of the clips or pictures, and other facts.
};

/// A LoRA as read: factors in fp32 on the CPU, by the name of the linear.
struct LoraFile {
  LoraModules modules;
  LoraInfo info;
  std::vector<std::string> notes;  ///< What a user must hear, such as "no alpha anywhere: ...".
};

/// Reads a LoRA for a model with these `linears`. `path` is a .safetensors file, a PEFT folder (adapter_config.json,
/// adapter_model.safetensors) or a folder with pytorch_lora_weights.safetensors. Names of diffusers, PEFT, Kohya's trainers and
/// diffusers' old attention processors are read, under any of their prefixes (docs/lora-files.md).
/// The strength of a module is alpha / rank: alpha from the module's own tensor, or the file's or folder's configuration
/// (patterns and rsLoRA too), or else equal to the rank; a note says what was missing.
/// Every tensor is used or refused. Throws Error(input_file) for: pickles; a module that the model lacks; shapes of another
/// model; A without B; ranks that disagree; NaN and infinity; DoRA, LoHa, LoKr, full changes (`diff`), weights of norms,
/// text encoders, SAT names; each with the tensors' names and, where there is one, a way out.
LoraFile read_lora(const std::filesystem::path& path, const std::vector<AdaptableLinear>& linears);

/// The same, and tells the listener of `run` what a user must hear.
LoraFile read_lora(const std::filesystem::path& path, const std::vector<AdaptableLinear>& linears, RunContext& run);

/// Writes a LoRA that diffusers' `load_lora_weights` loads, atomically: `transformer.MODULE.lora_A.weight` [rank, in] and
/// `lora_B.weight` [out, rank] in `dtype`, the scale folded into B. Metadata: `format`, `lora_adapter_metadata` with
/// alpha = rank, and `info` as `dreamrunner`. Old diffusers ignores the metadata, new diffusers obeys it; both find strength 1.
/// Throws Error(storage), and Error(usage) for `patch_embed.proj`, whose kernel's sides the factors no longer tell.
void write_lora(const std::filesystem::path& path, const LoraModules& modules, const LoraInfo& info, at::ScalarType dtype = at::kFloat);

}  // namespace dreamrunner
