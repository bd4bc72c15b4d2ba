#pragma once

#include <ATen/core/Tensor.h>

namespace dreamrunner {

/// Attention's result and, for each query, the logarithm of the sum of its exponentials, by which the results over
/// disjoint sets of keys can be merged exactly.
struct AttentionPart {
  at::Tensor output;     ///< [B, heads, queries, head_dim], in the inputs' type.
  at::Tensor logsumexp;  ///< [B, heads, queries] fp32; -inf where there are no keys.
};

/// softmax(q k^T * scale) v with its log-sum-exp, without a queries x keys matrix: by the flash kernel of the device, or in
/// blocks of queries where it has none. q [B, heads, queries, head_dim], k and v [B, heads, keys, head_dim]; any strides;
/// no queries or no keys are fine.
AttentionPart attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale);

/// The same by plain matrix products, `block` queries at a time: for devices and types without a flash kernel, and as the
/// reference of tests.
AttentionPart attend_in_blocks(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale, int64_t block);

/// Attention over the union of two disjoint sets of keys, from the attention over each.
AttentionPart merge_parts(const AttentionPart& a, const AttentionPart& b);

}  // namespace dreamrunner
