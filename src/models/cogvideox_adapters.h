#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nn/lora.h"

namespace dreamrunner {

/// A LoRA as it is to act in one scene.
struct TransformerLora {
  LoraModules modules;
  double weight = 1.0;
  at::Tensor mask_L;  ///< [N T + V], not zero where it acts, over texts and visual tokens; undefined: everywhere.
  std::string name;   ///< For messages.
};

/// The LoRAs of one block. Linears that see tokens take them masked; the modulation, which sees the timestep only, has
/// them merged into its weights.
struct BlockAdapters {
  JoinedLora to_q, to_k, to_v, to_out, ff_in, ff_out;
  std::optional<Linear> norm1, norm2;

  /// What gradients flow to, in the order of the linears above.
  std::vector<at::Tensor> tensors() const;
  BlockAdapters with_tensors(const std::vector<at::Tensor>& tensors) const;
};

/// All LoRAs of a transformer, bound to its linears (`CogVideoXTransformer::bind`).
struct TransformerAdapters {
  std::vector<BlockAdapters> blocks;
  std::optional<Linear> patch, text_proj, time_1, time_2, norm_out, proj_out;
  int64_t tokens = 0;  ///< L of the masks; 0 without masks.
};

}  // namespace dreamrunner
