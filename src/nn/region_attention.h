#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace dreamrunner {

/// What visual tokens see of each other.
enum class VisualAttention {
  full,  ///< All of them (DreamRunner's method).
  hard,  ///< Those that some text's region covers together with them (the paper's ablation, section 4.4).
};

/// "full" or "hard"; throws Error(usage) for another word.
VisualAttention visual_attention_from_name(const std::string& name);

/// Which visual tokens each text belongs to. The joint sequence is [text_1 ... text_N, visual], each text `text_length`
/// tokens long. Regions may overlap and may be empty. Indices are int64, on the device of the model.
struct RegionLayout {
  int64_t text_length = 0;
  std::vector<at::Tensor> visual_tokens;  ///< For each text, the indices of its visual tokens, ascending.

  /// Texts whose regions have no token in common: what they need of the joint sequence is gathered at once, and what comes
  /// of it put back at once. Every text is in one batch. For full attention only.
  struct Batch {
    std::vector<int64_t> texts;
    at::Tensor tokens;  ///< The texts' regions, one after the other, among the visual tokens.
    at::Tensor rows;    ///< Of each text in turn its own rows and those of its region, among all rows.
  };
  std::vector<Batch> batches;

  /// Visual tokens that the same texts cover, and the rows of the joint sequence that they see; for hard attention only.
  struct Group {
    at::Tensor queries;  ///< Among the visual tokens.
    at::Tensor keys;     ///< Among all rows.
  };
  std::vector<Group> groups;
  VisualAttention visual_attention = VisualAttention::full;

  int64_t texts() const { return static_cast<int64_t>(visual_tokens.size()); }
  int64_t text_rows() const { return texts() * text_length; }
  int64_t region_size(int64_t text) const { return visual_tokens[static_cast<size_t>(text)].numel(); }
};

/// regions [N, V] (any integer or boolean type, not zero = inside) -> layout on `device`. Under hard attention a token that
/// no region covers sees only itself.
RegionLayout make_region_layout(const at::Tensor& regions, int64_t text_length, at::Device device,
                                VisualAttention visual_attention = VisualAttention::full);

/// Region-based 3D attention (DreamRunner, section 3.3): a text sees itself and the visual tokens of its region; a visual
/// token sees all visual tokens (or, under hard attention, some) and the texts of the regions that cover it. Equal to
/// attention under the boolean mask that says so, but computed in parts: no L x L mask, memory linear in L. Differentiable.
/// q, k, v [B, heads, N * text_length + V, head_dim] -> the same shape, in q's type.
at::Tensor region_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const RegionLayout& layout, double scale);

}  // namespace dreamrunner
