#include <algorithm>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "adapt/lora_file.h"
#include "adapt/lora_metadata.h"
#include "base/error.h"
#include "base/json.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

/// A LoraConfig of PEFT as diffusers stores it: every key behind "transformer.", alpha equal to the rank everywhere.
std::string diffusers_metadata(const LoraModules& modules, bool biased) {
  std::map<int64_t, int> votes;
  for (const auto& [name, factors] : modules) ++votes[factors.down.size(0)];
  const auto commonest = std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const int64_t rank = commonest == votes.end() ? 1 : commonest->first;
  Json patterns = Json::object(), targets = Json::array();
  for (const auto& [name, factors] : modules) {
    targets.push_back(name);
    if (factors.down.size(0) != rank) patterns[name] = factors.down.size(0);
  }
  const Json config = {{"transformer.alpha_pattern", patterns}, {"transformer.lora_alpha", rank},
                       {"transformer.lora_bias", biased},       {"transformer.r", rank},
                       {"transformer.rank_pattern", patterns},  {"transformer.target_modules", targets}};
  return config.dump();
}

}  // namespace

void write_lora(const std::filesystem::path& path, const LoraModules& modules, const LoraInfo& info, at::ScalarType dtype) {
  const bool biased = std::any_of(modules.begin(), modules.end(), [](const auto& module) { return module.second.bias.defined(); });
  TensorMap tensors;
  for (const auto& [name, factors] : modules) {
    if (name == "patch_embed.proj") {
      throw Error(ErrorKind::usage, fmt::format("{}: {} is a convolution; its LoRA cannot be written", path.string(), name));
    }
    const auto stored = [&](const at::Tensor& tensor, double scale) {
      const at::Tensor plain = tensor.detach().to(at::kCPU, at::kFloat);
      return (scale == 1.0 ? plain : plain * scale).to(dtype).contiguous();
    };
    const std::string prefix = fmt::format("transformer.{}.", name);
    tensors[prefix + "lora_A.weight"] = stored(factors.down, 1.0);
    tensors[prefix + "lora_B.weight"] = stored(factors.up, factors.scale);
    // PEFT wants a bias on every module or on none.
    if (biased)
      tensors[prefix + "lora_B.bias"] = stored(factors.bias.defined() ? factors.bias : at::zeros({factors.up.size(0)}), factors.scale);
  }
  write_tensors(path, tensors,
                {{"format", "pt"}, {"lora_adapter_metadata", diffusers_metadata(modules, biased)}, {"dreamrunner", lora_info_json(info)}});
}

}  // namespace dreamrunner
