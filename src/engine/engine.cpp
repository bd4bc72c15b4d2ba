#include "engine/engine.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/InferenceMode.h>
#include <torch/headeronly/version.h>

#include "engine/forward.h"
#include "engine/scene_generator.h"
#include "tensor/device.h"

namespace dreamrunner {
namespace {

class TorchEngine final : public Engine {
 public:
  std::unique_ptr<SceneGenerator> open_scenes(const GenerationSettings& settings, const std::vector<SceneJob>& jobs, RunContext& run) override {
    const c10::InferenceMode inference;
    return make_scene_generator(settings, jobs, run);
  }

  std::vector<std::string> forward(const ForwardRequest& request, RunContext& run) override {
    const c10::InferenceMode inference;
    return run_forward(request, run);
  }

  EngineReport report() override {
    return {.torch_version = TORCH_VERSION, .cpu_capability = at::get_cpu_capability(), .threads = at::get_num_threads(), .gpus = list_gpus(),
            .cuda_status = load_cuda()};
  }
};

}  // namespace

std::unique_ptr<Engine> make_torch_engine() {
  load_cuda();
  return std::make_unique<TorchEngine>();
}

}  // namespace dreamrunner
