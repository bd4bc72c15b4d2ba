#pragma once

#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/run_context.h"
#include "models/model_folder.h"

namespace dreamrunner {

/// Texts as the transformer reads them, each encoded once.
class TextEmbeddings {
 public:
  /// Encodes the distinct `texts`, `text_length` tokens each (padded, longer ones cut and reported), with the text encoder
  /// of `model`, which is in memory only during this call: on the processor where a GPU is too small for it. Throws Error(numerical) for NaN or infinity.
  static TextEmbeddings encode(const ModelFolder& model, const std::vector<std::string>& texts, int64_t text_length, Placement placement, RunContext& run);

  /// [N, T, D] for N of the texts, in the order given. Throws Error(bug) for a text that was not encoded.
  at::Tensor stack(const std::vector<std::string>& texts) const;

 private:
  std::map<std::string, at::Tensor> by_text_;  ///< [T, D]
};

}  // namespace dreamrunner
