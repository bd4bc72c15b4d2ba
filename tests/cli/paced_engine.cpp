// An engine library without LibTorch that takes its time, for tests of what the program does meanwhile. It makes the
// pictures of the synthetic engine, 20 ms a step. The negative prompt tells it how to misbehave.
#include <chrono>
#include <new>
#include <stdexcept>
#include <thread>

#include "support/synthetic_engine.h"

namespace dreamrunner::test {
namespace {

class PacedGenerator : public SyntheticGenerator {
 public:
  PacedGenerator(const GenerationSettings& settings, const std::vector<SceneJob>& jobs, EngineUse& use,
                 std::function<void(const std::string&)>& on_event)
      : SyntheticGenerator(settings, jobs, use, on_event), steps_(settings.steps), mood_(settings.negative_prompt), jobs_(jobs) {}

  void denoise(size_t index, const std::filesystem::path& latents_path, RunContext& run) override {
    run.report().begin(jobs_.at(index).label + ": denoising", steps_);
    for (int step = 1; step <= steps_; ++step) {
      if (mood_ != "deaf") run.check();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (mood_ == "nan") throw Error(ErrorKind::numerical, "scene 1: step 1: latents hold NaN", "try --dtype fp32");
      if (mood_ == "greedy") throw std::bad_alloc();
      if (mood_ == "faulty") throw std::logic_error("an index\nout of range");
      run.report().advance(step);
    }
    run.report().end();
    run.report().note("a caption was cut");
    SyntheticGenerator::denoise(index, latents_path, run);
  }

 private:
  int steps_;
  std::string mood_;
  std::vector<SceneJob> jobs_;
};

class PacedEngine : public SyntheticEngine {
 public:
  std::unique_ptr<SceneGenerator> open_scenes(const GenerationSettings& settings, const std::vector<SceneJob>& jobs, RunContext&) override {
    return std::make_unique<PacedGenerator>(settings, jobs, use, on_event);
  }
  std::vector<std::string> forward(const ForwardRequest& request, RunContext&) override {
    if (request.part == "regions") return {request.scene->key_frames.front().regions.front().caption, request.scene->background};
    return {};
  }
};

}  // namespace
}  // namespace dreamrunner::test

extern "C" dreamrunner::Engine* dreamrunner_make_engine(uint64_t) {
  static dreamrunner::test::PacedEngine engine;
  return &engine;
}
