#include "engine/out_of_memory.h"

#include <sys/resource.h>

#include <fstream>

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "engine_fixture.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

using test::expect_error;
using testing::AllOf;
using testing::HasSubstr;

/// As long as it lives, this process gets no more than `bytes` of address space beyond what it has.
class MemoryLimit {
 public:
  explicit MemoryLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_AS, &before_);
    rlim_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limit = before_;
    limit.rlim_cur = pages * 4096 + bytes;
    ::setrlimit(RLIMIT_AS, &limit);
  }
  ~MemoryLimit() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

class OutOfMemoryTest : public test::EngineTest {};

TEST_F(OutOfMemoryTest, ADecodingThatDoesNotFitSaysSoAndWhatNeedsLess) {
  write_tensors(folder_ / "in.safetensors", {{"latents", at::zeros({1, 16, 2, 96, 96})}});
  const ForwardRequest request{.part = "vae-decode", .model = test::kPlayset, .input = folder_ / "in.safetensors", .output = folder_ / "out.safetensors"};
  const MemoryLimit limit(200 << 20);
  EXPECT_THAT(expect_error(ErrorKind::memory, [&] { engine().forward(request, run_); }),
              AllOf(HasSubstr("memory ran out ("), HasSubstr("GB more were asked for); a smaller --num-frames")));
}

TEST_F(OutOfMemoryTest, ASceneThatDoesNotFitSaysSo) {
  GenerationSettings settings;
  settings.model = test::kPlayset;
  settings.device = "cpu";
  settings.steps = 1;
  SceneJob job;
  job.scene.background = "the forest";
  const auto scenes = engine().open_scenes(settings, {job}, run_);
  write_tensors(folder_ / "latents.safetensors", {{"latents", at::zeros({1, 2, 16, 96, 96})}});
  const MemoryLimit limit(200 << 20);
  expect_error(ErrorKind::memory, [&] { scenes->decode(folder_ / "latents.safetensors", "scene 1", run_); });
}

TEST_F(OutOfMemoryTest, OtherErrorsOfLibTorchStayWhatTheyAre) {
  EXPECT_THROW(tell_out_of_memory([] { at::zeros({2, 3}).view({5}); }), c10::Error);
  EXPECT_EQ(tell_out_of_memory([] { return 3; }), 3);
}

}  // namespace
}  // namespace dreamrunner
