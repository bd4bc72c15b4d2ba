#pragma once

#include "stages/stages.h"

namespace dreamrunner {

/// Runs "clip-text", "clip-image", "viclip", "yolov5" or "frames"; false for another part. Throws as `run_forward`.
bool run_scorer_part(const ForwardRequest& request, RunContext& run);

}  // namespace dreamrunner
