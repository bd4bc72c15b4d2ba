#pragma once

#include <memory>

#include "stages/stages.h"

namespace dreamrunner {

/// The engine on LibTorch. Opens libtorch_cuda first where there is a GPU, so it must be made before the first ATen call.
std::unique_ptr<Engine> make_torch_engine();

}  // namespace dreamrunner
