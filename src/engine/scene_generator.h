#pragma once

#include <memory>
#include <vector>

#include "stages/stages.h"

namespace dreamrunner {

/// Opens a model for the scenes of `jobs`: settles size, device, type and sampler (Error(usage) for what cannot come out as
/// asked), lays out their regions and encodes their captions. Transformer and autoencoder are opened when first needed.
std::unique_ptr<SceneGenerator> make_scene_generator(const GenerationSettings& settings, const std::vector<SceneJob>& jobs, RunContext& run);

}  // namespace dreamrunner
