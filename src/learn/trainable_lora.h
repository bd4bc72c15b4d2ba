#pragma once

#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "adapt/adaptable_linear.h"
#include "nn/lora.h"
#include "tensor/noise.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {

/// AdamW's settings; the betas and epsilon are torch's.
struct AdamWSettings {
  double learning_rate = 5e-4;
  double weight_decay = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
};

/// A LoRA that is being learnt, with the state of its optimiser. Everything is fp32.
class TrainableLora {
 public:
  /// One pair of factors a linear: down normal with deviation 1 / rank, drawn in the order of `linears`; up zero, so that
  /// learning begins at the model as it is. Source: the authors' trainer.
  TrainableLora(const std::vector<AdaptableLinear>& linears, int64_t rank, NoiseSource& noise, at::Device device);

  /// The factors, alive: gradients flow to them.
  LoraModules modules() const { return modules_; }

  /// One step of AdamW by the gradients that backward passes left in the factors, which are cleared. Factors without a
  /// gradient stay. The gradients are those of `scale` times the loss. Throws Error(numerical) naming `stage` when one is NaN
  /// or infinite.
  void step(const AdamWSettings& settings, const std::string& stage, double scale = 1);

  bool has_finite_gradients() const;
  void clear_gradients();

  /// Copies of factors and optimiser, by name after `prefix`.
  void save(TensorMap& tensors, const std::string& prefix) const;
  /// Puts them back. Throws Error(input_file) for what is missing or of another shape.
  void load(const TensorMap& tensors, const std::string& prefix, const std::string& origin);

  /// Numbers in the factors.
  int64_t parameter_count() const;

 private:
  struct Slot {
    std::string name;         ///< "LINEAR.down" or "LINEAR.up".
    at::Tensor value;
    at::Tensor average;       ///< Of gradients.
    at::Tensor square;        ///< Of their squares.
    at::Tensor step_count;
  };
  LoraModules modules_;
  std::vector<Slot> slots_;
};

}  // namespace dreamrunner
