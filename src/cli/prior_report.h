#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "film/prior_provider.h"

namespace dreamrunner {

/// A line for people: "motion cartwheeling: learnt from 8 clips in 1 min 20 s, 300 steps".
std::string prior_line(const PriorOutcome& prior);

/// What `--json` says of priors: [{"kind":"motion","id":...,"source":"learnt","file":...,"seconds":...}].
Json priors_json(const std::vector<PriorOutcome>& priors);

}  // namespace dreamrunner
