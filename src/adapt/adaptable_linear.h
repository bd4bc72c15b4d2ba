#pragma once

#include <cstdint>
#include <string>

namespace dreamrunner {

/// A linear of a model that a LoRA may change.
struct AdaptableLinear {
  std::string name;  ///< In the reference's module tree, such as "transformer_blocks.0.attn1.to_out.0".
  int64_t in = 0;    ///< Of a convolution: channels x height x width of its kernel.
  int64_t out = 0;
};

}  // namespace dreamrunner
