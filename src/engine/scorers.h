#pragma once

#include <memory>

#include "stages/stages.h"

namespace dreamrunner {

/// Opens the scoring models that `settings` names. Throws Error(input_file) for folders that are not what they should be,
/// Error(usage) for a device that is not there.
std::unique_ptr<Scorers> make_scorers(const ScorerSettings& settings);

}  // namespace dreamrunner
