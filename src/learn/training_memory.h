#pragma once

#include <cstdint>
#include <string>

#include "models/model_folder.h"
#include "stages/priors.h"

namespace dreamrunner {

/// What a training will take, estimated before it starts.
struct TrainingMemory {
  int64_t bytes = 0;       ///< Weights, LoRAs with their optimiser, and what the gradients need.
  bool recompute = false;  ///< Whether blocks are computed again for the gradients, which takes less memory and more time.
  std::string in_words;
};

/// Bytes that gradients need of one forward pass of `tokens` (texts and visual), batch 1, by what each block keeps: with
/// recomputation a block's input and its attention, and one block whole; without, all of every block.
int64_t activation_bytes(const CogVideoXTransformerConfig& config, int64_t tokens, int64_t rank, int64_t element_bytes, bool recompute);

/// Settles recomputation ("auto": where the pass without it would take more than half of the free memory) and says what the training
/// takes. Throws Error(memory) when it does not fit even so, naming what to change; on a GPU, whose free memory is not
/// asked, it only says.
TrainingMemory plan_training_memory(const VideoTransformer& transformer, int64_t lora_parameters, const LatentGrid& grid, const PriorRecipe& recipe,
                                    Placement placement);

}  // namespace dreamrunner
