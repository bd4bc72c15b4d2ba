#include "nn/region_attention.h"

#include <tuple>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "nn/attention.h"

namespace dreamrunner {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The rows of a joint tensor [B, heads, L, head_dim] (or [B, heads, L]), by what they are.
class Rows {
 public:
  Rows(const at::Tensor& joint, const RegionLayout& layout) : joint_(joint), layout_(layout) {}

  at::Tensor text(int64_t i) const { return joint_.narrow(2, i * layout_.text_length, layout_.text_length); }
  at::Tensor texts() const { return joint_.narrow(2, 0, layout_.text_rows()); }
  at::Tensor visual() const { return joint_.narrow(2, layout_.text_rows(), joint_.size(2) - layout_.text_rows()); }
  at::Tensor region(int64_t i) const { return visual().index_select(2, layout_.visual_tokens[static_cast<size_t>(i)]); }
  at::Tensor text_and_region(int64_t i) const { return layout_.region_size(i) == 0 ? text(i) : at::cat({text(i), region(i)}, 2); }

  /// Whether a batch is one text whose region is everything: its rows lie in order, and nothing needs to be gathered.
  bool is_everything(const RegionLayout::Batch& batch) const {
    return batch.texts.size() == 1 && batch.tokens.numel() == joint_.size(2) - layout_.text_rows();
  }
  /// The regions of a batch, one after the other.
  at::Tensor regions(const RegionLayout::Batch& batch) const { return is_everything(batch) ? visual() : visual().index_select(2, batch.tokens); }
  /// Of each text of a batch in turn its own rows and its region's.
  at::Tensor texts_and_regions(const RegionLayout::Batch& batch) const {
    const bool is_end = is_everything(batch) && batch.texts[0] == layout_.texts() - 1;
    return is_end ? joint_.narrow(2, joint_.size(2) - batch.rows.numel(), batch.rows.numel()) : joint_.index_select(2, batch.rows);
  }

 private:
  const at::Tensor& joint_;
  const RegionLayout& layout_;
};

at::Tensor joined(const std::vector<at::Tensor>& rows) { return rows.size() == 1 ? rows[0] : at::cat(rows, 2); }

/// Calls visit(text, rows of `texts_and_regions`, rows of `regions`) for each text of a batch; the rows are {first, count}.
template <typename Visit>
void for_each_text(const RegionLayout& layout, const RegionLayout::Batch& batch, const Visit& visit) {
  struct Span {
    int64_t first, count;
    at::Tensor of(const at::Tensor& rows) const { return rows.narrow(2, first, count); }
  };
  Span joint{0, 0}, region{0, 0};
  for (const int64_t text : batch.texts) {
    region.count = layout.region_size(text);
    joint.count = layout.text_length + region.count;
    visit(text, joint, region);
    joint.first += joint.count;
    region.first += region.count;
  }
}

/// Output and log-sum-exp of every row of the joint sequence, visual tokens seeing all visual tokens.
AttentionPart full_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const RegionLayout& layout, double scale) {
  const Rows rows_q(q, layout), rows_k(k, layout), rows_v(v, layout);
  // Heads beside their width, as the linear after attention reads them.
  const AttentionPart whole{at::empty({q.size(0), q.size(2), q.size(1), v.size(3)}, q.options()).transpose(1, 2),
                            at::empty({q.size(0), q.size(1), q.size(2)}, q.options().dtype(at::kFloat))};
  const Rows into_output(whole.output, layout), into_sum(whole.logsumexp, layout);
  AttentionPart visual = attend(rows_q.visual(), rows_k.visual(), rows_v.visual(), scale);
  // Merged sums are kept in fp32 until the last text has been added: rounding once, whatever the number of texts.
  visual.output = visual.output.to(at::kFloat);
  for (const RegionLayout::Batch& batch : layout.batches) {
    const at::Tensor queries = rows_q.regions(batch), keys = rows_k.texts_and_regions(batch), values = rows_v.texts_and_regions(batch);
    std::vector<at::Tensor> outputs, sums;
    for_each_text(layout, batch, [&](int64_t text, const auto& joint, const auto& region) {
      const AttentionPart of_text = attend(rows_q.text(text), joint.of(keys), joint.of(values), scale);
      into_output.text(text).copy_(of_text.output);
      into_sum.text(text).copy_(of_text.logsumexp);
      if (region.count == 0) return;
      const AttentionPart to_text = attend(region.of(queries), rows_k.text(text), rows_v.text(text), scale);
      outputs.push_back(to_text.output);
      sums.push_back(to_text.logsumexp);
    });
    if (outputs.empty()) continue;
    const AttentionPart to_texts{joined(outputs), joined(sums)};
    if (rows_q.is_everything(batch)) {
      add_part(visual, to_texts);
      continue;
    }
    AttentionPart covered{visual.output.index_select(2, batch.tokens), visual.logsumexp.index_select(2, batch.tokens)};
    add_part(covered, to_texts);
    visual.output.index_copy_(2, batch.tokens, covered.output);
    visual.logsumexp.index_copy_(2, batch.tokens, covered.logsumexp);
  }
  into_output.visual().copy_(visual.output);
  into_sum.visual().copy_(visual.logsumexp);
  return whole;
}

/// The gradients of q, k and v: each part's own backward pass with the merged output and log-sum-exp, added up.
std::tuple<at::Tensor, at::Tensor, at::Tensor> full_attention_backward(const at::Tensor& grad_output, const at::Tensor& q, const at::Tensor& k,
                                                                       const at::Tensor& v, const AttentionPart& whole, const RegionLayout& layout,
                                                                       double scale) {
  const Rows rows_q(q, layout), rows_k(k, layout), rows_v(v, layout);
  const Rows rows_grad(grad_output, layout), rows_output(whole.output, layout), rows_sum(whole.logsumexp, layout);
  // Sums of many parts are gathered in fp32 and rounded once.
  const at::Tensor grad_q = at::empty(q.sizes(), q.options().dtype(at::kFloat));
  const at::Tensor grad_k = at::empty_like(grad_q), grad_v = at::empty_like(grad_q);
  const Rows into_q(grad_q, layout), into_k(grad_k, layout), into_v(grad_v, layout);

  {
    const auto [dq, dk, dv] = attend_backward(rows_grad.visual(), rows_q.visual(), rows_k.visual(), rows_v.visual(),
                                              {rows_output.visual(), rows_sum.visual()}, scale);
    into_q.visual().copy_(dq);
    into_k.visual().copy_(dk);
    into_v.visual().copy_(dv);
    into_k.texts().zero_();
    into_v.texts().zero_();
  }
  // The CPU's backward kernel packs its operands for matrix units when they are bf16 or fp16, which with the few rows of a
  // text takes up to six times as long as fp32 does: parts of texts are worked out in fp32 there.
  const at::ScalarType type = q.is_cpu() ? at::kFloat : q.scalar_type();
  for (const RegionLayout::Batch& batch : layout.batches) {
    const at::Tensor keys = rows_k.texts_and_regions(batch).to(type), values = rows_v.texts_and_regions(batch).to(type);
    const at::Tensor queries = rows_q.regions(batch).to(type), grads = rows_grad.regions(batch).to(type);
    const at::Tensor outputs = rows_output.regions(batch).to(type), sums = rows_sum.regions(batch);
    std::vector<at::Tensor> dq_regions, dk_rows, dv_rows;
    for_each_text(layout, batch, [&](int64_t text, const auto& joint, const auto& region) {
      const at::Tensor seen_keys = joint.of(keys), seen_values = joint.of(values);
      const auto [dq, dk, dv] = attend_backward(rows_grad.text(text).to(type), rows_q.text(text).to(type), seen_keys, seen_values,
                                                {rows_output.text(text).to(type), rows_sum.text(text)}, scale);
      into_q.text(text).copy_(dq);
      dk_rows.push_back(dk);
      dv_rows.push_back(dv);
      if (region.count == 0) return;
      const int64_t length = layout.text_length;
      const auto [dq_region, dk_text, dv_text] =
          attend_backward(region.of(grads), region.of(queries), seen_keys.narrow(2, 0, length), seen_values.narrow(2, 0, length),
                          {region.of(outputs), region.of(sums)}, scale);
      dq_regions.push_back(dq_region);
      into_k.text(text).add_(dk_text);
      into_v.text(text).add_(dv_text);
    });
    grad_k.index_add_(2, batch.rows, joined(dk_rows).to(at::kFloat));
    grad_v.index_add_(2, batch.rows, joined(dv_rows).to(at::kFloat));
    if (!dq_regions.empty()) into_q.visual().index_add_(2, batch.tokens, joined(dq_regions).to(at::kFloat));
  }
  return {grad_q.to(q.scalar_type()), grad_k.to(k.scalar_type()), grad_v.to(v.scalar_type())};
}

/// A layout that lives as long as the graph: the caller's may be gone when the gradients are asked for.
struct KeptLayout : torch::CustomClassHolder {
  explicit KeptLayout(const RegionLayout& from) : layout(from) {}
  RegionLayout layout;
};

/// Full region attention with a gradient. Under plain autograd dq and dk would be wrong: the kernels' log-sum-exp, which
/// the merge depends on, carries no gradient.
struct FullRegionAttention : torch::autograd::Function<FullRegionAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const RegionLayout* layout,
                            double scale) {
    const AttentionPart whole = full_attention(q, k, v, *layout, scale);
    context->save_for_backward({q, k, v, whole.output, whole.logsumexp});
    context->saved_data["layout"] = c10::IValue::make_capsule(c10::make_intrusive<KeptLayout>(*layout));
    context->saved_data["scale"] = scale;
    return whole.output;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const variable_list saved = context->get_saved_variables();
    const auto kept = c10::static_intrusive_pointer_cast<KeptLayout>(context->saved_data["layout"].toCapsule());
    const auto [dq, dk, dv] = full_attention_backward(grads[0], saved[0], saved[1], saved[2], {saved[3], saved[4]}, kept->layout,
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
