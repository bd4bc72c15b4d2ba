#pragma once

#include <tuple>

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
/// no queries or no keys are fine. Not differentiable: the log-sum-exp carries no gradient (`attend_backward`).
AttentionPart attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale);

/// What a part of attention adds to the gradients of its q, k and v. `whole` is the output and log-sum-exp of the queries
/// over *all* their keys, of which `k` and `v` are some: with the merged values every part's probabilities are the true
/// ones, so the gradients of the parts simply add up. `grad_output` is that of the whole output.
std::tuple<at::Tensor, at::Tensor, at::Tensor> attend_backward(const at::Tensor& grad_output, const at::Tensor& q, const at::Tensor& k,
                                                               const at::Tensor& v, const AttentionPart& whole, double scale);

/// The same two by plain matrix products, `block` queries at a time: for devices and types without a flash kernel, and as
/// the reference of tests.
AttentionPart attend_in_blocks(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale, int64_t block);
std::tuple<at::Tensor, at::Tensor, at::Tensor> attend_backward_in_blocks(const at::Tensor& grad_output, const at::Tensor& q, const at::Tensor& k,
                                                                         const at::Tensor& v, const AttentionPart& whole, double scale,
                                                                         int64_t block);

/// `whole.output`, which is attention over q, k and v worked out before, with the gradient of that attention: for networks
/// that keep a block's attention and compute the rest of the block again.
at::Tensor attention_known(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionPart& whole, double scale);

/// Makes of `whole`, attention over some keys with its output in fp32, attention over those and the keys of `part`, in place.
/// The two sets of keys are disjoint.
void add_part(AttentionPart& whole, const AttentionPart& part);

}  // namespace dreamrunner
