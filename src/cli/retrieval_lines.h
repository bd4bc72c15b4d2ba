#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "film/motion_retriever.h"

namespace dreamrunner {

/// What was retrieved for a motion, on one line.
std::string motion_line(const MotionOutcome& motion);

/// The same for programs.
Json motions_json(const std::vector<MotionOutcome>& motions);

}  // namespace dreamrunner
