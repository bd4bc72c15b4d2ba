#pragma once

#include <filesystem>
#include <string>

#include <ATen/core/Tensor.h>

#include "base/run_context.h"
#include "models/model_folder.h"
#include "nn/lora.h"

namespace dreamrunner {

/// Clips made with a prior while it is being learnt, so that a person sees what it has learnt so far: always the same text from the
/// same noise.
class PriorSampler {
 public:
  /// Encodes `prompt`. `grid` is the size of the clips.
  PriorSampler(const ModelFolder& model, const std::string& prompt, const LatentGrid& grid, Placement placement, int64_t seed, RunContext& run);

  /// Makes a clip with `prior` acting everywhere and writes it to `path` (mp4). Throws Error(numerical), Error(storage).
  void write(const VideoTransformer& transformer, const LoraModules& prior, const std::filesystem::path& path, const std::string& label, RunContext& run) const;

 private:
  const ModelFolder& model_;
  LatentGrid grid_;
  Placement placement_;
  int64_t seed_;
  at::Tensor prompt_1TD_, negative_1TD_;
};

}  // namespace dreamrunner
