#include "nn/attention.h"

#include <limits>

#include <ATen/ATen.h>

namespace dreamrunner {
namespace {

constexpr int64_t kQueryBlock = 1024;

/// Flash kernels read the last dimension with stride 1 and silently compute nonsense otherwise.
at::Tensor with_dense_rows(const at::Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }

AttentionPart empty_part(const at::Tensor& q, const at::Tensor& v) {
  return {at::zeros({q.size(0), q.size(1), q.size(2), v.size(3)}, q.options()),
          at::full({q.size(0), q.size(1), q.size(2)}, -std::numeric_limits<double>::infinity(), q.options().dtype(at::kFloat))};
}

}  // namespace

AttentionPart attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale) {
  // The CPU kernel divides by the number of keys and of queries: none of either stops the process.
  if (q.size(2) == 0 || k.size(2) == 0) return empty_part(q, v);
  const bool floating = q.scalar_type() == at::kFloat || q.scalar_type() == at::kBFloat16 || q.scalar_type() == at::kHalf;
  if (q.is_cpu() && floating) {
    auto [output, logsumexp] = at::_scaled_dot_product_flash_attention_for_cpu(with_dense_rows(q), with_dense_rows(k), with_dense_rows(v),
                                                                               /*dropout_p=*/0.0, /*is_causal=*/false,
                                                                               /*attn_mask=*/{}, scale);
    return {output, logsumexp};
  }
  if (q.is_cuda() && (q.scalar_type() == at::kHalf || q.scalar_type() == at::kBFloat16) && q.size(3) % 8 == 0) {
    const auto result = at::_scaled_dot_product_flash_attention(with_dense_rows(q), with_dense_rows(k), with_dense_rows(v), /*dropout_p=*/0.0,
                                                                /*is_causal=*/false, /*return_debug_mask=*/false, scale);
    return {std::get<0>(result), std::get<1>(result)};
  }
  return attend_in_blocks(q, k, v, scale, kQueryBlock);
}

AttentionPart attend_in_blocks(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale, int64_t block) {
  if (q.size(2) == 0 || k.size(2) == 0) return empty_part(q, v);
  const at::Tensor keys = k.to(at::kFloat).transpose(2, 3);
  const at::Tensor values = v.to(at::kFloat);
  std::vector<at::Tensor> outputs, sums;
  for (int64_t at_query = 0; at_query < q.size(2); at_query += block) {
    const at::Tensor queries = q.slice(2, at_query, std::min(q.size(2), at_query + block)).to(at::kFloat);
    const at::Tensor scores = at::matmul(queries, keys) * scale;
    const at::Tensor logsumexp = scores.logsumexp(-1);
    outputs.push_back(at::matmul((scores - logsumexp.unsqueeze(-1)).exp(), values).to(q.scalar_type()));
    sums.push_back(logsumexp);
  }
  return {at::cat(outputs, 2), at::cat(sums, 2)};
}

AttentionPart merge_parts(const AttentionPart& a, const AttentionPart& b) {
  const at::Tensor logsumexp = at::logaddexp(a.logsumexp, b.logsumexp);
  // Where neither part has keys the sum is -inf, and -inf - -inf is NaN: such a query gets zeros.
  const at::Tensor reference = at::where(logsumexp.isinf(), at::zeros_like(logsumexp), logsumexp);
  const at::Tensor weight_a = (a.logsumexp - reference).exp().unsqueeze(-1);
  const at::Tensor weight_b = (b.logsumexp - reference).exp().unsqueeze(-1);
  return {(a.output * weight_a + b.output * weight_b).to(a.output.scalar_type()), logsumexp};
}

}  // namespace dreamrunner
