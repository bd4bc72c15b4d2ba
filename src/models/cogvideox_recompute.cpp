#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include "models/cogvideox_transformer.h"

namespace dreamrunner {

using torch::autograd::variable_list;

/// A block in the graph of gradients that remembers its input, its LoRAs and its attention, and computes the rest again when
/// the gradients are asked for. The LoRAs are those of the forward pass, whatever the caller binds in between.
class CogVideoXTransformer::RecomputeBlock : public torch::autograd::Node {
 public:
  RecomputeBlock(const CogVideoXTransformer& model, size_t index, const Context& context, const at::Tensor& activated_time)
      : model_(model), block_(model.blocks_[index]), context_(context), activated_time_(activated_time) {
    if (context.adapters) loras_ = context.adapters->blocks[index];
  }

  Streams run(const Streams& x) {
    const c10::NoGradGuard no_grad;
    x_ = {x.text.detach(), x.video.detach()};
    const Streams y = model_.run_block(block_, loras_, x_, activated_time_, context_, context_.regions ? nullptr : &kept_);
    kept_.known = true;
    return y;
  }

  variable_list inputs(const Streams& x) const {
    variable_list all{x.text, x.video};
    for (const at::Tensor& tensor : loras_.tensors()) all.push_back(tensor);
    return all;
  }

  variable_list apply(variable_list&& grads) override {
    const c10::AutoGradMode gradients(true);
    variable_list leaves;
    const variable_list originals = inputs(x_);
    for (size_t i = 0; i < originals.size(); ++i) {
      leaves.push_back(originals[i].detach().requires_grad_(task_should_compute_output(i)));
    }
    const BlockAdapters loras = loras_.with_tensors({leaves.begin() + 2, leaves.end()});
    const Streams y = model_.run_block(block_, loras, {leaves[0], leaves[1]}, activated_time_, context_, context_.regions ? nullptr : &kept_);

    variable_list outputs, output_grads, wanted;
    for (const auto& [output, grad] : {std::pair{y.text, grads[0]}, std::pair{y.video, grads[1]}}) {
      if (!grad.defined()) continue;  // The last block's text leads nowhere.
      outputs.push_back(output);
      output_grads.push_back(grad);
    }
    for (const at::Tensor& leaf : leaves) {
      if (leaf.requires_grad()) wanted.push_back(leaf);
    }
    variable_list result(leaves.size());
    if (outputs.empty()) return result;
    const variable_list found = torch::autograd::grad(outputs, wanted, output_grads, /*retain_graph=*/false, /*create_graph=*/false, /*allow_unused=*/true);
    for (size_t i = 0, k = 0; i < leaves.size(); ++i) {
      if (leaves[i].requires_grad()) result[i] = found[k++];
    }
    return result;
  }

  void release_variables() override {
    x_ = {};
    kept_ = {};
    loras_ = {};
  }

 private:
  const CogVideoXTransformer& model_;
  const Block& block_;
  const Context context_;
  const at::Tensor activated_time_;
  BlockAdapters loras_;
  Streams x_;
  KeptAttention kept_;
};

CogVideoXTransformer::Streams CogVideoXTransformer::recompute_block(size_t index, const Streams& x, const at::Tensor& activated_time,
                                                                    const Context& context) const {
  const std::shared_ptr<RecomputeBlock> node(new RecomputeBlock(*this, index, context, activated_time), torch::autograd::deleteNode);
  Streams y = node->run(x);
  const variable_list inputs = node->inputs(x);
  bool wanted = false;
  for (const at::Tensor& input : inputs) wanted = wanted || input.requires_grad();
  if (!wanted) return y;
  node->set_next_edges(torch::autograd::collect_next_edges(inputs));
  torch::autograd::create_gradient_edge(y.text, node);
  torch::autograd::create_gradient_edge(y.video, node);
  return y;
}

}  // namespace dreamrunner
