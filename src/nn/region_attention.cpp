#include "nn/region_attention.h"

#include <ATen/ATen.h>

#include "nn/attention.h"

namespace dreamrunner {

RegionLayout make_region_layout(const at::Tensor& regions, int64_t text_length, at::Device device) {
  RegionLayout layout;
  layout.text_length = text_length;
  const at::Tensor inside = regions.to(at::kCPU).ne(0);
  for (int64_t i = 0; i < inside.size(0); ++i) {
    layout.visual_tokens.push_back(inside[i].nonzero().flatten().to(device));
  }
  return layout;
}

at::Tensor region_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const RegionLayout& layout, double scale) {
  const int64_t text_rows = layout.text_rows();
  const int64_t visual_rows = q.size(2) - text_rows;
  const at::Tensor visual_q = q.narrow(2, text_rows, visual_rows);
  const at::Tensor visual_k = k.narrow(2, text_rows, visual_rows);
  const at::Tensor visual_v = v.narrow(2, text_rows, visual_rows);

  std::vector<at::Tensor> outputs;
  outputs.reserve(layout.visual_tokens.size() + 1);
  AttentionPart visual = attend(visual_q, visual_k, visual_v, scale);
  // Merged sums are kept in fp32 until the last text has been added: rounding once, whatever the number of texts.
  visual.output = visual.output.to(at::kFloat);
  for (int64_t i = 0; i < layout.texts(); ++i) {
    const at::Tensor text_q = q.narrow(2, i * layout.text_length, layout.text_length);
    const at::Tensor text_k = k.narrow(2, i * layout.text_length, layout.text_length);
    const at::Tensor text_v = v.narrow(2, i * layout.text_length, layout.text_length);
    const at::Tensor& tokens = layout.visual_tokens[static_cast<size_t>(i)];
    if (tokens.numel() == 0) {
      outputs.push_back(attend(text_q, text_k, text_v, scale).output);
      continue;
    }
    const bool everywhere = tokens.numel() == visual_rows;
    const at::Tensor region_k = everywhere ? visual_k : visual_k.index_select(2, tokens);
    const at::Tensor region_v = everywhere ? visual_v : visual_v.index_select(2, tokens);
    outputs.push_back(attend(text_q, at::cat({text_k, region_k}, 2), at::cat({text_v, region_v}, 2), scale).output);

    AttentionPart to_text = attend(everywhere ? visual_q : visual_q.index_select(2, tokens), text_k, text_v, scale);
    if (everywhere) {
      visual = merge_parts(visual, to_text);
      continue;
    }
    const AttentionPart merged = merge_parts({visual.output.index_select(2, tokens), visual.logsumexp.index_select(2, tokens)}, to_text);
    visual.output.index_copy_(2, tokens, merged.output);
    visual.logsumexp.index_copy_(2, tokens, merged.logsumexp);
  }
  outputs.push_back(visual.output.to(q.scalar_type()));
  return at::cat(outputs, 2);
}

}  // namespace dreamrunner
