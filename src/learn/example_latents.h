#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/run_context.h"
#include "learn/trainer.h"
#include "models/model_folder.h"
#include "stages/priors.h"

namespace dreamrunner {

/// Reads the videos or pictures of `request` and encodes them for training. Every result is kept in `request.cache` by the
/// content it was made from (the file's bytes, part, crop, size, model), so that it is worked out once whatever learns from it.
///
/// A video gives its part's first seconds (as many as a film of the model lasts): as many frames as wanted, evenly spread from the
/// first to the last, the last repeated where there are fewer; each stretched to the model's size. A picture is repeated as a
/// video, its shape kept: the largest size that the model can lay out and that fits into the model's own.
/// Captions are embedded by `embed_captions`, not here: `text_TD` stays undefined.
/// Throws Error(input_file) naming the file that cannot be read, Error(interrupted) between files.
std::vector<TrainingVideo> encode_examples(const LearnRequest& request, const ModelFolder& model, Placement placement, RunContext& run);

/// Sets `text_TD` of each video to its caption's embedding (`PriorRecipe::prompts`), from `request.cache` where it is there.
void embed_captions(const LearnRequest& request, const ModelFolder& model, Placement placement, std::vector<TrainingVideo>& videos, RunContext& run);

}  // namespace dreamrunner
