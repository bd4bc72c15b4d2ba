// Frames a second of the scoring models, as lines of JSON: scorers_bench FOLDER THREADS SECONDS, with clip/, viclip/ and
// yolov5/ in FOLDER. bench/scorers.py makes the folder, runs this program and PyTorch in turns, and prints both.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <fmt/format.h>

#include "models/clip.h"
#include "models/viclip.h"
#include "models/yolov5.h"

namespace dreamrunner {
namespace {

/// The best of as many runs as fit into `seconds`: other work on the machine only ever slows a run down. Seconds of the
/// processor, over all threads, stay nearly true even on a machine that is busy with something else.
void measure(const char* what, int64_t frames, double seconds, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); };
  work();
  double best = 1e9, best_cpu = 1e9;
  int runs = 0;
  for (const auto begin = Clock::now(); runs < 3 || since(begin) < seconds; ++runs) {
    const auto start = Clock::now();
    const std::clock_t cpu_start = std::clock();
    work();
    best = std::min(best, since(start));
    best_cpu = std::min(best_cpu, static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
  }
  const auto count = static_cast<double>(frames);
  fmt::print("{{\"what\": \"{}\", \"frames_per_second\": {:.3f}, \"frames_per_cpu_second\": {:.3f}}}\n", what, count / best, count / best_cpu);
}

int run(const std::filesystem::path& folder, int threads, double seconds) {
  at::set_num_threads(threads);
  const c10::InferenceMode inference;
  const Clip clip = Clip::open(folder / "clip", {});
  const ViClip viclip = ViClip::open(folder / "viclip", {});
  const YoloV5 yolo = YoloV5::open(folder / "yolov5", {});
  const at::Tensor frames = at::randint(256, {8, 480, 640, 3}, at::TensorOptions(at::kByte));
  const at::Tensor pixels = at::randn({8, 3, clip.config().vision.image_size, clip.config().vision.image_size});
  const ViClipConfig& config = viclip.config();
  const at::Tensor clips = at::randn({1, 3, config.frames, config.image_size, config.image_size});
  const at::Tensor images = at::rand({8, 3, yolo.config().image_size, yolo.config().image_size});
  measure("clip network", 8, seconds, [&] { clip.embed_pixels(pixels); });
  measure("viclip network", config.frames, seconds, [&] { viclip.embed_pixels(clips); });
  measure("yolov5 network", 8, seconds, [&] { yolo.forward(images); });
  measure("clip preparation", 8, seconds, [&] { clip.preprocess().forward(frames); });
  measure("yolov5 whole, 640x480", 8, seconds, [&] { yolo.detect(frames, {}); });
  return 0;
}

}  // namespace
}  // namespace dreamrunner

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  return dreamrunner::run(argv[1], std::atoi(argv[2]), std::atof(argv[3]));
}
