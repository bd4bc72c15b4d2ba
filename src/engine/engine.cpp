#include "engine/engine.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/InferenceMode.h>
#include <torch/headeronly/version.h>

#include "engine/forward.h"
#include "engine/out_of_memory.h"
#include "engine/scene_generator.h"
#include "engine/scorers.h"
#include "learn/learn_prior.h"
#include "tensor/device.h"

namespace dreamrunner {
namespace {

/// A scene generator whose want of memory is told as such.
class FrugalSceneGenerator final : public SceneGenerator {
 public:
  explicit FrugalSceneGenerator(std::unique_ptr<SceneGenerator> inner) : inner_(std::move(inner)) {}
  const SceneFormat& format() const override { return inner_->format(); }
  void denoise(size_t index, const std::filesystem::path& latents_path, RunContext& run) override {
    tell_out_of_memory([&] { inner_->denoise(index, latents_path, run); });
  }
  SceneFrames decode(const std::filesystem::path& latents_path, const std::string& label, RunContext& run) override {
    return tell_out_of_memory([&] { return inner_->decode(latents_path, label, run); });
  }

 private:
  std::unique_ptr<SceneGenerator> inner_;
};

class TorchEngine final : public Engine {
 public:
  std::unique_ptr<SceneGenerator> open_scenes(const GenerationSettings& settings, const std::vector<SceneJob>& jobs, RunContext& run) override {
    const c10::InferenceMode inference;
    return std::make_unique<FrugalSceneGenerator>(tell_out_of_memory([&] { return make_scene_generator(settings, jobs, run); }));
  }

  std::vector<std::string> forward(const ForwardRequest& request, RunContext& run) override {
    const c10::InferenceMode inference;
    return tell_out_of_memory([&] { return run_forward(request, run); });
  }

  LearnResult learn(const LearnRequest& request, RunContext& run) override {
    return tell_out_of_memory([&] { return learn_prior(request, run); });  // Gradients: no inference mode.
  }

  std::unique_ptr<Scorers> open_scorers(const ScorerSettings& settings, RunContext&) override { return make_scorers(settings); }

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
