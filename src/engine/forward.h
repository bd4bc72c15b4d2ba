#pragma once

#include <string>
#include <vector>

#include "stages/stages.h"

namespace dreamrunner {

/// Runs one part of a model on tensors from a file and writes what it gives (docs/forward.md has the names and shapes).
/// Returns the captions for "regions", nothing else. Throws Error(usage) for an unknown part or shapes that do not fit,
/// Error(input_file) for files that are not what the part needs.
std::vector<std::string> run_forward(const ForwardRequest& request, RunContext& run);

}  // namespace dreamrunner
