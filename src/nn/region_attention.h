#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace dreamrunner {

/// Which visual tokens each text belongs to. The joint sequence is [text_1 ... text_N, visual], each text `text_length`
/// tokens long. Regions may overlap and may be empty.
struct RegionLayout {
  int64_t text_length = 0;
  std::vector<at::Tensor> visual_tokens;  ///< For each text, the indices of its visual tokens, ascending, int64, on the device of the model.

  int64_t texts() const { return static_cast<int64_t>(visual_tokens.size()); }
  int64_t text_rows() const { return texts() * text_length; }
};

/// regions [N, V] (any integer or boolean type, not zero = inside) -> layout on `device`.
RegionLayout make_region_layout(const at::Tensor& regions, int64_t text_length, at::Device device);

/// Region-based 3D attention (DreamRunner, section 3.3): a text sees itself and the visual tokens of its region; a visual
/// token sees all visual tokens and the texts of the regions that cover it. Equal to attention under the boolean mask that
/// says so, but computed in parts that are merged by their log-sum-exp: no L x L mask, memory linear in L.
/// q, k, v [B, heads, N * text_length + V, head_dim] -> the same shape, in q's type.
at::Tensor region_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const RegionLayout& layout, double scale);

}  // namespace dreamrunner
