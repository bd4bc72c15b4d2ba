#include "adapt/lora_names.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace dreamrunner {
namespace {

/// In front of names: of compiled, wrapped and distributed models, of PEFT, of diffusers, of the programs around ComfyUI.
constexpr std::string_view kPrefixes[] = {"_orig_mod.",       "module.",     "base_model.model.", "model.diffusion_model.",
                                          "diffusion_model.", "transformer."};
/// In front of flattened names.
constexpr std::string_view kFlatPrefixes[] = {"lora_unet_", "lora_transformer_", "lycoris_"};

/// The same two matrices by other names. What follows one of these is ".weight", or ".ADAPTER.weight".
struct Spelling {
  std::string_view text;
  LoraPart part;
};
constexpr Spelling kSpellings[] = {
    {".lora_A", LoraPart::down},
    {".lora_B", LoraPart::up},
    {".lora_down", LoraPart::down},
    {".lora_up", LoraPart::up},
    {".lora.down", LoraPart::down},
    {".lora.up", LoraPart::up},
    {".lora_linear_layer.down", LoraPart::down},
    {".lora_linear_layer.up", LoraPart::up},
};

/// Attention processors kept their LoRA beside the linears.
constexpr std::pair<std::string_view, std::string_view> kProcessorNames[] = {
    {".to_q_lora.", ".to_q.lora."}, {".to_k_lora.", ".to_k.lora."}, {".to_v_lora.", ".to_v.lora."}, {".to_out_lora.", ".to_out.0.lora."}};

struct ForeignMark {
  std::string_view text;
  std::string_view kind;
  std::string_view hint;
};
constexpr std::string_view kMergeHint = "merge it into the model's weights with the program that made it, or learn a plain LoRA";
constexpr ForeignMark kForeignMarks[] = {
    {".matrix_A.", "names of the SAT trainer",
     "convert it to diffusers' names; SAT's strength is 1 / rank, which the converted file must say as alpha = 1"},
    {".matrix_B.", "names of the SAT trainer",
     "convert it to diffusers' names; SAT's strength is 1 / rank, which the converted file must say as alpha = 1"},
    {".dora_scale", "DoRA", kMergeHint},
    {".lora_magnitude_vector", "DoRA", kMergeHint},
    {".hada_", "LoHa", kMergeHint},
    {".lokr_", "LoKr", kMergeHint},
    {".oft_", "OFT", kMergeHint},
    {".boft_", "OFT", kMergeHint},
    {".lora_mid", "LoCon (a matrix between A and B)", kMergeHint},
    {".lora_embedding_", "LoRA of an embedding", kMergeHint},
    {".lora_E", "AdaLoRA", kMergeHint},
    {".reshape_weight", "a weight of another shape", kMergeHint},
};
/// Ends of names.
constexpr ForeignMark kForeignEnds[] = {
    {".diff", "full change of a weight (diff)", kMergeHint},
    {".diff_b", "full change of a bias (diff_b)", kMergeHint},
    {".w_norm", "change of a norm", kMergeHint},
    {".b_norm", "change of a norm", kMergeHint},
    {".set_weight", "full weight", kMergeHint},
    {".weight", "full weight, not a LoRA", kMergeHint},
    {".bias", "full bias, not a LoRA", kMergeHint},
};
constexpr std::string_view kTextEncoderPrefixes[] = {"text_encoder", "lora_te", "cond_stage_model.", "text_model."};

bool remove_prefix(std::string& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.erase(0, prefix.size());
  return true;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
}

LoraTensorName foreign(std::string_view module, std::string_view kind, std::string_view hint) {
  return {LoraPart::foreign, std::string(module), std::string(kind), std::string(hint)};
}

/// Whether `rest`, behind one of `kSpellings`, is ".END" or ".ADAPTER.END".
bool ends_spelling(std::string_view rest, std::string_view end) {
  if (rest == end) return true;
  return rest.starts_with('.') && rest.ends_with(end) && rest.find('.', 1) == rest.size() - end.size();
}

std::optional<LoraTensorName> of_lora(const std::string& name) {
  for (const Spelling& spelling : kSpellings) {
    const size_t at = name.rfind(spelling.text);
    if (at == std::string::npos || at == 0) continue;
    const std::string_view rest = std::string_view(name).substr(at + spelling.text.size());
    const std::string module = name.substr(0, at);
    if (ends_spelling(rest, ".weight")) return LoraTensorName{spelling.part, module, {}, {}};
    if (ends_spelling(rest, ".bias")) {
      if (spelling.part == LoraPart::up) return LoraTensorName{LoraPart::up_bias, module, {}, {}};
      return foreign(module, "a bias beside A", kMergeHint);
    }
  }
  return std::nullopt;
}

std::string flattened(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

constexpr std::string_view kBlocks = "transformer_blocks.";

/// N of "transformer_blocks.N.", or -1.
int64_t block_of(std::string_view module) {
  if (!module.starts_with(kBlocks)) return -1;
  int64_t block = -1;
  std::from_chars(module.data() + kBlocks.size(), module.data() + module.size(), block);
  return block;
}

}  // namespace

LoraTensorName parse_lora_name(const std::string& full) {
  std::string name = full;
  for (bool more = true; more;) {
    more = false;
    for (const std::string_view prefix : kPrefixes) more = remove_prefix(name, prefix) || more;
  }
  for (const std::string_view prefix : kTextEncoderPrefixes) {
    if (name.starts_with(prefix)) return foreign(name, "LoRA of a text encoder", "learn it anew on the transformer alone");
  }
  // Blocks that were compiled one by one have the wrapper in the middle.
  replace_all(name, "._orig_mod.", ".");
  replace_all(name, ".processor.", ".");
  for (const auto& [old_name, new_name] : kProcessorNames) replace_all(name, old_name, new_name);
  for (const ForeignMark& mark : kForeignMarks) {
    const size_t at = name.find(mark.text);
    if (at != std::string::npos) return foreign(name.substr(0, at), mark.kind, mark.hint);
  }
  if (auto lora = of_lora(name)) return *lora;
  if (name.ends_with(".alpha")) {
    name.resize(name.size() - std::string_view(".alpha").size());
    if (name.ends_with(".lora")) name.resize(name.size() - std::string_view(".lora").size());
    return {LoraPart::alpha, name, {}, {}};
  }
  for (const ForeignMark& end : kForeignEnds) {
    if (name.ends_with(end.text)) return foreign(name.substr(0, name.size() - end.text.size()), end.kind, end.hint);
  }
  return foreign(name, "not a tensor of a LoRA", {});
}

LoraModuleNames::LoraModuleNames(const std::vector<AdaptableLinear>& linears) {
  for (const AdaptableLinear& linear : linears) {
    exact_[linear.name] = &linear;
    // Two names that flatten to one would be a guess.
    const auto [place, added] = flattened_.emplace(flattened(linear.name), &linear);
    if (!added) place->second = nullptr;
    blocks_ = std::max(blocks_, block_of(linear.name) + 1);
  }
}

const AdaptableLinear* LoraModuleNames::find(const std::string& module) const {
  const auto exact = exact_.find(module);
  if (exact != exact_.end()) return exact->second;
  if (module.find('.') != std::string::npos) return nullptr;
  std::string flat = module;
  for (const std::string_view prefix : kFlatPrefixes) {
    if (remove_prefix(flat, prefix)) break;
  }
  // Some trainers name the model itself "", which leaves "__".
  flat.erase(0, std::min(flat.find_first_not_of('_'), flat.size()));
  const auto found = flattened_.find(flat);
  return found == flattened_.end() ? nullptr : found->second;
}

std::string LoraModuleNames::why_unknown(const std::string& module) const {
  const int64_t block = block_of(module);
  if (block >= blocks_) return fmt::format("it was learnt for a model of at least {} blocks, this one has {}", block + 1, blocks_);
  constexpr std::pair<std::string_view, std::string_view> kOthers[] = {{"single_transformer_blocks", "FLUX or HunyuanVideo"},
                                                                       {"double_blocks", "FLUX or HunyuanVideo"},
                                                                       {"self_attn", "Wan"},
                                                                       {"down_blocks", "Stable Diffusion or another U-Net"},
                                                                       {"input_blocks", "Stable Diffusion"},
                                                                       {"attn2", "a model with cross attention"}};
  for (const auto& [part, model] : kOthers) {
    if (module.find(part) != std::string::npos) return fmt::format("by its names it was learnt for {}", model);
  }
  return {};
}

}  // namespace dreamrunner
