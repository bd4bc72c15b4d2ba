#include "nn/attention.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tensor/gpu_features.h"

namespace dreamrunner {
namespace {

enum class Kernel { cpu_flash, cuda_flash, blocks };

Kernel kernel_for(const at::Tensor& q) {
  const bool half = q.scalar_type() == at::kBFloat16 || q.scalar_type() == at::kHalf;
  if (q.is_cpu() && (half || q.scalar_type() == at::kFloat)) return Kernel::cpu_flash;
  if (q.is_cuda() && half && q.size(3) % 8 == 0 && q.size(3) <= 256 && has_flash_attention(q.device())) return Kernel::cuda_flash;
  return Kernel::blocks;
}

/// Flash kernels read the last dimension with stride 1 and silently compute nonsense otherwise.
at::Tensor with_dense_rows(const at::Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }

AttentionPart empty_part(const at::Tensor& q, const at::Tensor& v) {
  return {at::zeros({q.size(0), q.size(1), q.size(2), v.size(3)}, q.options()),
          at::full({q.size(0), q.size(1), q.size(2)}, -std::numeric_limits<double>::infinity(), q.options().dtype(at::kFloat))};
}

/// As many queries at once as keep a block of scores below 256 MB.
int64_t block_for(const at::Tensor& q, const at::Tensor& k) {
  constexpr int64_t kScores = (int64_t{256} << 20) / 4;
  return std::max<int64_t>(16, kScores / std::max<int64_t>(1, q.size(0) * q.size(1) * k.size(2)));
}

}  // namespace

AttentionPart attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale) {
  // The CPU kernel divides by the number of keys and of queries: none of either stops the process.
  if (q.size(2) == 0 || k.size(2) == 0) return empty_part(q, v);
  switch (kernel_for(q)) {
    case Kernel::cpu_flash: {
      auto [output, logsumexp] = at::_scaled_dot_product_flash_attention_for_cpu(with_dense_rows(q), with_dense_rows(k), with_dense_rows(v),
                                                                                 /*dropout_p=*/0.0, /*is_causal=*/false,
                                                                                 /*attn_mask=*/{}, scale);
      return {output, logsumexp};
    }
    case Kernel::cuda_flash: {
      const auto result = at::_scaled_dot_product_flash_attention(with_dense_rows(q), with_dense_rows(k), with_dense_rows(v), /*dropout_p=*/0.0,
                                                                  /*is_causal=*/false, /*return_debug_mask=*/false, scale);
      return {std::get<0>(result), std::get<1>(result)};
    }
    case Kernel::blocks: break;
  }
  return attend_in_blocks(q, k, v, scale, block_for(q, k));
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> attend_backward(const at::Tensor& grad_output, const at::Tensor& q, const at::Tensor& k,
                                                               const at::Tensor& v, const AttentionPart& whole, double scale) {
  if (q.size(2) == 0 || k.size(2) == 0) return {at::zeros_like(q), at::zeros_like(k), at::zeros_like(v)};
  switch (kernel_for(q)) {
    case Kernel::cpu_flash:
      return at::_scaled_dot_product_flash_attention_for_cpu_backward(with_dense_rows(grad_output), with_dense_rows(q), with_dense_rows(k),
                                                                      with_dense_rows(v), with_dense_rows(whole.output), whole.logsumexp,
                                                                      /*dropout_p=*/0.0, /*is_causal=*/false, /*attn_mask=*/{}, scale);
    case Kernel::cuda_flash: {
      // Without dropout the random state is not read, but it must be there.
      const at::Tensor state = at::zeros({2}, q.options().dtype(at::kLong));
      return at::_scaled_dot_product_flash_attention_backward(with_dense_rows(grad_output), with_dense_rows(q), with_dense_rows(k),
                                                              with_dense_rows(v), with_dense_rows(whole.output), whole.logsumexp.contiguous(),
                                                              /*cum_seq_q=*/{}, /*cum_seq_k=*/{}, q.size(2), k.size(2), /*dropout_p=*/0.0,
                                                              /*is_causal=*/false, state, at::zeros({}, state.options()), scale);
    }
    case Kernel::blocks: break;
  }
  return attend_backward_in_blocks(grad_output, q, k, v, whole, scale, block_for(q, k));
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

std::tuple<at::Tensor, at::Tensor, at::Tensor> attend_backward_in_blocks(const at::Tensor& grad_output, const at::Tensor& q, const at::Tensor& k,
                                                                         const at::Tensor& v, const AttentionPart& whole, double scale,
                                                                         int64_t block) {
  if (q.size(2) == 0 || k.size(2) == 0) return {at::zeros_like(q), at::zeros_like(k), at::zeros_like(v)};
  const at::Tensor keys = k.to(at::kFloat), values = v.to(at::kFloat);
  at::Tensor grad_k = at::zeros_like(keys), grad_v = at::zeros_like(values);
  std::vector<at::Tensor> grads_q;
  for (int64_t begin = 0; begin < q.size(2); begin += block) {
    const int64_t end = std::min(q.size(2), begin + block);
    const auto rows = [&](const at::Tensor& x) { return x.slice(2, begin, end).to(at::kFloat); };
    const at::Tensor queries = rows(q), grad = rows(grad_output);
    const at::Tensor probabilities = (at::matmul(queries, keys.transpose(2, 3)) * scale - rows(whole.logsumexp).unsqueeze(-1)).exp();
    // d(loss)/d(score) = p (dp - sum over all keys of p dp), and that sum is grad . output.
    const at::Tensor mean = (grad * rows(whole.output)).sum(-1, /*keepdim=*/true);
    const at::Tensor grad_scores = probabilities * (at::matmul(grad, values.transpose(2, 3)) - mean) * scale;
    grads_q.push_back(at::matmul(grad_scores, keys));
    grad_k += at::matmul(grad_scores.transpose(2, 3), queries);
    grad_v += at::matmul(probabilities.transpose(2, 3), grad);
  }
  return {at::cat(grads_q, 2).to(q.scalar_type()), grad_k.to(k.scalar_type()), grad_v.to(v.scalar_type())};
}

void add_part(AttentionPart& whole, const AttentionPart& part) {
  const at::Tensor logsumexp = at::logaddexp(whole.logsumexp, part.logsumexp);
  // Where neither has keys the sum is -inf, and -inf - -inf is NaN: such a query keeps its zeros.
  const at::Tensor reference = at::where(logsumexp.isinf(), at::zeros_like(logsumexp), logsumexp);
  const at::Tensor weight_whole = (whole.logsumexp - reference).exp().unsqueeze(-1);
  const at::Tensor weight_part = (part.logsumexp - reference).exp().unsqueeze(-1);
  whole.output.mul_(weight_whole).addcmul_(part.output.to(at::kFloat), weight_part);
  whole.logsumexp = logsumexp;
}

namespace {

struct KnownAttention : torch::autograd::Function<KnownAttention> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const at::Tensor& output, const at::Tensor& logsumexp, double scale) {
    context->save_for_backward({q, k, v, output, logsumexp});
    context->saved_data["scale"] = scale;
    return output.detach();
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list grads) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const auto [dq, dk, dv] =
        attend_backward(grads[0], saved[0], saved[1], saved[2], {saved[3], saved[4]}, context->saved_data["scale"].toDouble());
    return {dq, dk, dv, {}, {}, {}};
  }
};

}  // namespace

at::Tensor attention_known(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionPart& whole, double scale) {
  return KnownAttention::apply(q, k, v, whole.output, whole.logsumexp, scale);
}

}  // namespace dreamrunner
