#include "nn/region_attention.h"

#include <tuple>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "nn/attention.h"

namespace dreamrunner {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The rows of a joint tensor [B, heads, L, head_dim], by what they are.
class Rows {
 public:
  Rows(const at::Tensor& joint, const RegionLayout& layout) : joint_(joint), layout_(layout) {}

  at::Tensor text(int64_t i) const { return joint_.narrow(2, i * layout_.text_length, layout_.text_length); }
  at::Tensor visual() const { return joint_.narrow(2, layout_.text_rows(), joint_.size(2) - layout_.text_rows()); }
  at::Tensor region(int64_t i) const { return covers_all(i) ? visual() : visual().index_select(2, tokens(i)); }
  at::Tensor text_and_region(int64_t i) const { return tokens(i).numel() == 0 ? text(i) : at::cat({text(i), region(i)}, 2); }

  const at::Tensor& tokens(int64_t i) const { return layout_.visual_tokens[static_cast<size_t>(i)]; }
  bool covers_all(int64_t i) const { return tokens(i).numel() == joint_.size(2) - layout_.text_rows(); }

  /// Adds `values` to the rows of region i of this (gradient) tensor.
  void add_to_region(int64_t i, const at::Tensor& values) const {
    if (covers_all(i)) {
      visual().add_(values);
    } else {
      visual().index_add_(2, tokens(i), values);
    }
  }

 private:
  const at::Tensor& joint_;
  const RegionLayout& layout_;
};

/// Output and log-sum-exp of every row of the joint sequence, visual tokens seeing all visual tokens.
AttentionPart full_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const RegionLayout& layout, double scale) {
  const Rows rows_q(q, layout), rows_k(k, layout), rows_v(v, layout);
  std::vector<at::Tensor> outputs, sums;
  AttentionPart visual = attend(rows_q.visual(), rows_k.visual(), rows_v.visual(), scale);
  // Merged sums are kept in fp32 until the last text has been added: rounding once, whatever the number of texts.
  visual.output = visual.output.to(at::kFloat);
  for (int64_t i = 0; i < layout.texts(); ++i) {
    const AttentionPart text = attend(rows_q.text(i), rows_k.text_and_region(i), rows_v.text_and_region(i), scale);
    outputs.push_back(text.output);
    sums.push_back(text.logsumexp);

    const at::Tensor& tokens = rows_q.tokens(i);
    if (tokens.numel() == 0) continue;
    const AttentionPart to_text = attend(rows_q.region(i), rows_k.text(i), rows_v.text(i), scale);
    if (rows_q.covers_all(i)) {
      visual = merge_parts(visual, to_text);
      continue;
    }
    const AttentionPart merged = merge_parts({visual.output.index_select(2, tokens), visual.logsumexp.index_select(2, tokens)}, to_text);
    visual.output.index_copy_(2, tokens, merged.output);
    visual.logsumexp.index_copy_(2, tokens, merged.logsumexp);
  }
  outputs.push_back(visual.output.to(q.scalar_type()));
  sums.push_back(visual.logsumexp);
  return {at::cat(outputs, 2), at::cat(sums, 2)};
}

/// The gradients of q, k and v: each part's own backward pass with the merged output and log-sum-exp, added up.
std::tuple<at::Tensor, at::Tensor, at::Tensor> full_attention_backward(const at::Tensor& grad_output, const at::Tensor& q, const at::Tensor& k,
                                                                       const at::Tensor& v, const AttentionPart& whole, const RegionLayout& layout,
                                                                       double scale) {
  const Rows rows_q(q, layout), rows_k(k, layout), rows_v(v, layout);
  const Rows rows_grad(grad_output, layout), rows_output(whole.output, layout), rows_sum(whole.logsumexp, layout);
  // Sums of many parts are gathered in fp32 and rounded once.
  const at::Tensor grad_q = at::zeros(q.sizes(), q.options().dtype(at::kFloat));
  const at::Tensor grad_k = at::zeros_like(grad_q), grad_v = at::zeros_like(grad_q);
  const Rows into_q(grad_q, layout), into_k(grad_k, layout), into_v(grad_v, layout);

  {
    const auto [dq, dk, dv] = attend_backward(rows_grad.visual(), rows_q.visual(), rows_k.visual(), rows_v.visual(),
                                              {rows_output.visual(), rows_sum.visual()}, scale);
    into_q.visual().add_(dq);
    into_k.visual().add_(dk);
    into_v.visual().add_(dv);
  }
  for (int64_t i = 0; i < layout.texts(); ++i) {
    const int64_t length = layout.text_length;
    const auto [dq, dk, dv] = attend_backward(rows_grad.text(i), rows_q.text(i), rows_k.text_and_region(i), rows_v.text_and_region(i),
                                              {rows_output.text(i), rows_sum.text(i)}, scale);
    into_q.text(i).add_(dq);
    into_k.text(i).add_(dk.slice(2, 0, length));
    into_v.text(i).add_(dv.slice(2, 0, length));
    if (rows_q.tokens(i).numel() == 0) continue;
    into_k.add_to_region(i, dk.slice(2, length).to(at::kFloat));
    into_v.add_to_region(i, dv.slice(2, length).to(at::kFloat));

    const auto [dq_region, dk_text, dv_text] = attend_backward(rows_grad.region(i), rows_q.region(i), rows_k.text(i), rows_v.text(i),
                                                               {rows_output.region(i), rows_sum.region(i)}, scale);
    into_q.add_to_region(i, dq_region.to(at::kFloat));
    into_k.text(i).add_(dk_text);
    into_v.text(i).add_(dv_text);
  }
  return {grad_q.to(q.scalar_type()), grad_k.to(k.scalar_type()), grad_v.to(v.scalar_type())};
}

/// Full region attention with a gradient. Under plain autograd dq and dk would be wrong: the kernels' log-sum-exp, which
/// the merge depends on, carries no gradient.
struct FullRegionAttention : torch::autograd::Function<FullRegionAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const RegionLayout* layout,
                            double scale) {
    const AttentionPart whole = full_attention(q, k, v, *layout, scale);
    context->save_for_backward({q, k, v, whole.output, whole.logsumexp});
    // Kept with the graph: the caller's layout may be gone when the gradients are asked for.
    context->saved_data["tokens"] = layout->visual_tokens;
    context->saved_data["text_length"] = layout->text_length;
    context->saved_data["scale"] = scale;
    return whole.output;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const variable_list saved = context->get_saved_variables();
    RegionLayout layout;
    layout.text_length = context->saved_data["text_length"].toInt();
    layout.visual_tokens = context->saved_data["tokens"].toTensorVector();
    const auto [dq, dk, dv] = full_attention_backward(grads[0], saved[0], saved[1], saved[2], {saved[3], saved[4]}, layout,
                                                      context->saved_data["scale"].toDouble());
    return {dq, dk, dv, {}, {}};
  }
};

/// Visual tokens in groups that see the same rows: each group is one attention of its own, and nothing is merged.
at::Tensor hard_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const RegionLayout& layout, double scale) {
  const Rows rows_q(q, layout), rows_k(k, layout), rows_v(v, layout);
  const auto plain = [&](const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values) {
    return at::scaled_dot_product_attention(queries, keys, values, {}, 0.0, false, scale);
  };
  std::vector<at::Tensor> texts, groups, order;
  for (int64_t i = 0; i < layout.texts(); ++i) texts.push_back(plain(rows_q.text(i), rows_k.text_and_region(i), rows_v.text_and_region(i)));
  for (const RegionLayout::Group& group : layout.groups) {
    groups.push_back(plain(rows_q.visual().index_select(2, group.queries), k.index_select(2, group.keys), v.index_select(2, group.keys)));
    order.push_back(group.queries);
  }
  texts.push_back(at::cat(groups, 2).index_select(2, at::cat(order).argsort()));
  return at::cat(texts, 2);
}

}  // namespace

at::Tensor region_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const RegionLayout& layout, double scale) {
  if (layout.visual_attention == VisualAttention::hard) return hard_attention(q, k, v, layout, scale);
  const bool wants_gradient = at::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
  if (wants_gradient) return FullRegionAttention::apply(q, k, v, &layout, scale);
  return full_attention(q, k, v, layout, scale).output;
}

}  // namespace dreamrunner
