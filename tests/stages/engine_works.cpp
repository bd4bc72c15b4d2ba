// The smallest engine that `open_engine_beside` can open.
#include "base/error.h"
#include "stages/stages.h"

namespace dreamrunner {
namespace {

class SmallEngine : public Engine {
 public:
  std::unique_ptr<SceneGenerator> open_scenes(const GenerationSettings&, const std::vector<SceneJob>&, RunContext&) override {
    throw Error(ErrorKind::numerical, "scene 1: step 3: NaN", "thrown inside the library");
  }
  std::vector<std::string> forward(const ForwardRequest& request, RunContext&) override { return {request.part}; }
  LearnResult learn(const LearnRequest&, RunContext&) override { throw Error(ErrorKind::bug, "nothing to learn"); }
  std::unique_ptr<Scorers> open_scorers(const ScorerSettings&, RunContext&) override { throw Error(ErrorKind::bug, "no scorers"); }
  EngineReport report() override { return {.torch_version = "0", .cpu_capability = "", .gpus = {}, .cuda_status = ""}; }
};

}  // namespace
}  // namespace dreamrunner

extern "C" dreamrunner::Engine* dreamrunner_make_engine(uint64_t) {
  static dreamrunner::SmallEngine engine;
  return &engine;
}
