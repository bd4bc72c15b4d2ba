#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "region/region_conditioning.h"

namespace dreamrunner {

/// The tokens that a prior bound to `places` acts on: visual tokens of these regions' boxes, laid out as for
/// `make_region_conditioning`, and with `text_tokens` the tokens of their captions (the authors' code; the paper has the visual
/// ones only). [N text_length + V] uint8 over the joint sequence, 0 or 1: where two of the regions overlap the prior still
/// acts once (equation 8 of the paper, whose masks are boolean; the authors' code acts four times there).
/// Throws Error(bug) for a place that the scene does not have.
at::Tensor make_prior_mask(const Scene& scene, const std::vector<RegionPlace>& places, const RegionConditioning& conditioning, const TokenGrid& grid,
                           Interpolation interpolation, int64_t text_length, bool text_tokens);

}  // namespace dreamrunner
