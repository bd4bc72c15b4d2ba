#include "models/cogvideox_adapters.h"

#include <array>
#include <utility>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "models/cogvideox_transformer.h"

namespace dreamrunner {
namespace {

/// The linears of a block that see tokens, as the reference names them.
struct TokenLinear {
  const char* name;
  JoinedLora BlockAdapters::*loras;
};
constexpr std::array<TokenLinear, 6> kTokenLinears{{{"attn1.to_q", &BlockAdapters::to_q},
                                                    {"attn1.to_k", &BlockAdapters::to_k},
                                                    {"attn1.to_v", &BlockAdapters::to_v},
                                                    {"attn1.to_out.0", &BlockAdapters::to_out},
                                                    {"ff.net.0.proj", &BlockAdapters::ff_in},
                                                    {"ff.net.2", &BlockAdapters::ff_out}}};

std::string block_name(size_t index, const char* linear) { return fmt::format("transformer_blocks.{}.{}", index, linear); }

/// The LoRAs of one call, taken linear by linear; what nobody took is a module that the model lacks.
class LoraTaker {
 public:
  explicit LoraTaker(const std::vector<TransformerLora>& loras) : loras_(loras) {
    for (const TransformerLora& lora : loras) left_ += lora.modules.size();
  }

  std::vector<JoinedLora::Part> parts(const std::string& name) {
    std::vector<JoinedLora::Part> parts;
    take(name, [&](const TransformerLora& lora, LoraFactors factors) { parts.push_back({std::move(factors), lora.mask_L}); });
    return parts;
  }

  /// For a linear without tokens of regions.
  std::optional<Linear> merged(const std::string& name, const Linear& own) {
    std::vector<LoraFactors> all;
    take(name, [&](const TransformerLora& lora, LoraFactors factors) {
      if (lora.mask_L.defined()) {
        throw Error(ErrorKind::usage, fmt::format("{}: changes {}, which sees no tokens of a region", lora.name, name),
                    "let this LoRA act everywhere (--lora-scope global), or train one on attention and feed-forward linears");
      }
      all.push_back(std::move(factors));
    });
    if (all.empty()) return std::nullopt;
    return merge_loras(own, all);
  }

  void finish(const std::vector<AdaptableLinear>& linears) const {
    if (left_ == 0) return;
    for (const TransformerLora& lora : loras_) {
      for (const auto& [name, factors] : lora.modules) {
        bool known = false;
        for (const AdaptableLinear& linear : linears) known = known || linear.name == name;
        if (!known) throw Error(ErrorKind::usage, fmt::format("{}: changes {}, which the model does not have", lora.name, name));
      }
    }
  }

 private:
  /// Hands `use` every LoRA that changes `name`, its weight in the factors' scale.
  template <typename Use>
  void take(const std::string& name, Use&& use) {
    for (const TransformerLora& lora : loras_) {
      const auto found = lora.modules.find(name);
      if (found == lora.modules.end()) continue;
      --left_;
      LoraFactors factors = found->second;
      factors.scale *= lora.weight;
      use(lora, std::move(factors));
    }
  }

  const std::vector<TransformerLora>& loras_;
  size_t left_ = 0;
};

}  // namespace

std::vector<at::Tensor> BlockAdapters::tensors() const {
  std::vector<at::Tensor> all;
  for (const TokenLinear& linear : kTokenLinears) {
    const auto own = (this->*linear.loras).tensors();
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

BlockAdapters BlockAdapters::with_tensors(const std::vector<at::Tensor>& tensors) const {
  BlockAdapters other = *this;
  size_t at = 0;
  for (const TokenLinear& linear : kTokenLinears) {
    JoinedLora& loras = other.*linear.loras;
    if (loras.empty()) continue;
    loras = loras.with_tensors({tensors.at(at), tensors.at(at + 1)});
    at += 2;
  }
  return other;
}

std::vector<AdaptableLinear> CogVideoXTransformer::adaptable_linears() const {
  std::vector<AdaptableLinear> linears;
  const auto add = [&](const std::string& name, const at::Tensor& weight) {
    linears.push_back({.name = name, .in = weight.numel() / weight.size(0), .out = weight.size(0)});
  };
  add("patch_embed.proj", patch_weight_);
  add("patch_embed.text_proj", text_proj_.weight);
  add("time_embedding.linear_1", time_1_.weight);
  add("time_embedding.linear_2", time_2_.weight);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const Block& block = blocks_[i];
    const auto own = token_linears(block);
    for (size_t k = 0; k < own.size(); ++k) add(block_name(i, kTokenLinears[k].name), own[k]->weight);
    add(block_name(i, "norm1.linear"), block.norm1.linear.weight);
    add(block_name(i, "norm2.linear"), block.norm2.linear.weight);
  }
  add("norm_out.linear", norm_out_linear_.weight);
  add("proj_out", proj_out_.weight);
  return linears;
}

std::shared_ptr<const TransformerAdapters> CogVideoXTransformer::bind(const std::vector<TransformerLora>& loras, const LoraDropout& dropout) const {
  if (loras.empty()) return nullptr;
  auto adapters = std::make_shared<TransformerAdapters>();
  for (const TransformerLora& lora : loras) {
    if (!lora.mask_L.defined()) continue;
    if (lora.mask_L.dim() != 1 || (adapters->tokens != 0 && adapters->tokens != lora.mask_L.size(0))) {
      throw Error(ErrorKind::usage, fmt::format("{}: a mask of {} tokens beside one of {}", lora.name, lora.mask_L.numel(), adapters->tokens));
    }
    adapters->tokens = lora.mask_L.size(0);
  }
  // Masks are taken to the model once, and shared by all linears.
  std::vector<TransformerLora> placed = loras;
  for (TransformerLora& lora : placed) {
    if (lora.mask_L.defined()) lora.mask_L = lora.mask_L.to(patch_weight_.options());
  }
  LoraTaker taker(placed);
  adapters->patch = taker.merged("patch_embed.proj", {patch_weight_, patch_bias_});
  adapters->text_proj = taker.merged("patch_embed.text_proj", text_proj_);
  adapters->time_1 = taker.merged("time_embedding.linear_1", time_1_);
  adapters->time_2 = taker.merged("time_embedding.linear_2", time_2_);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const Block& block = blocks_[i];
    const auto own = token_linears(block);
    BlockAdapters of_block;
    for (size_t k = 0; k < own.size(); ++k) {
      const LoraDropout of_linear{dropout.probability, dropout.seed + static_cast<int64_t>(i * own.size() + k)};
      of_block.*kTokenLinears[k].loras = JoinedLora(taker.parts(block_name(i, kTokenLinears[k].name)), *own[k], of_linear);
    }
    of_block.norm1 = taker.merged(block_name(i, "norm1.linear"), block.norm1.linear);
    of_block.norm2 = taker.merged(block_name(i, "norm2.linear"), block.norm2.linear);
    adapters->blocks.push_back(std::move(of_block));
  }
  adapters->norm_out = taker.merged("norm_out.linear", norm_out_linear_);
  adapters->proj_out = taker.merged("proj_out", proj_out_);
  taker.finish(adaptable_linears());
  return adapters;
}

}  // namespace dreamrunner
