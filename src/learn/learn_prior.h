#pragma once

#include "base/run_context.h"
#include "stages/priors.h"

namespace dreamrunner {

/// Learns the prior that `request` asks for; see `Engine::learn`.
LearnResult learn_prior(const LearnRequest& request, RunContext& run);

}  // namespace dreamrunner
