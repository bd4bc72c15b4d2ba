#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapt/adaptable_linear.h"
#include "stages/priors.h"

namespace dreamrunner {

/// Which blocks of a transformer carry a prior, and which linears of them: stated here and nowhere else.

/// The blocks of a named set among `layers`, ascending, from 0: "all", "even", "odd", "first-half", "second-half", or "auto":
/// even blocks for motion and odd ones for subjects, as the authors' code has it (which counts from 1). Throws Error(usage)
/// for another name.
std::vector<int64_t> prior_blocks(const std::string& name, PriorKind kind, int64_t layers);

/// The blocks that are not in `blocks`: those of the LoRAs that take in how single videos look.
std::vector<int64_t> other_blocks(const std::vector<int64_t>& blocks, int64_t layers);

/// Those of `linears` that a prior on `blocks` changes: "all": queries, keys, values, output and both of the feed-forward (the
/// authors' code); "paper": queries, keys, values and the last of the feed-forward. Block by block, in that order.
/// Throws Error(usage) for another set.
std::vector<AdaptableLinear> prior_linears(const std::vector<AdaptableLinear>& linears, const std::vector<int64_t>& blocks, const std::string& set);

}  // namespace dreamrunner
