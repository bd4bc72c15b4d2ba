#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/run_context.h"
#include "models/latent_grid.h"
#include "stages/priors.h"

namespace dreamrunner {

/// An example as pictures of the size it is trained at.
struct ExamplePixels {
  at::Tensor frames_FHWC;  ///< uint8, RGB.
  at::Tensor mask_HW;      ///< fp32, 1 where the subject is; undefined where it was not asked for.
};

/// Reads an example (see `encode_examples` for what is taken of it). `mask` asks for the mask of a picture: where it is opaque, or,
/// without transparency, where it is not nearly white. Throws Error(input_file), and Error(interrupted) once `run` is asked to stop.
ExamplePixels read_example(PriorKind kind, const PriorExample& example, const LatentGrid& grid, bool mask, const RunContext& run = {});

/// Which of `count` frames stand for a training video of `wanted`: evenly from the first to the last, rounded down, or all of
/// them and the last again and again. Source: the authors' dataset.
std::vector<int64_t> training_frames(int64_t count, int64_t wanted);

/// The size at which a picture of `height` x `width` is trained: its shape as nearly as multiples of the grid's step allow,
/// no side longer than the grid's.
struct PictureSize {
  int64_t height = 0;
  int64_t width = 0;
};
PictureSize training_size(int64_t height, int64_t width, const LatentGrid& grid);

}  // namespace dreamrunner
