/// One side of bench/training.py: a motion prior's training steps on random latents, timed. Reads one line a turn from standard
/// input ("turn"), runs REPEATS steps, answers with their seconds; at the end of input it prints the peak memory.
///
///     training_bench MODEL FRAMES RANK RECOMPUTE REPEATS
#include <chrono>
#include <fstream>
#include <iostream>
#include <string>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <fmt/format.h>

#include "learn/trainer.h"
#include "models/model_folder.h"

namespace {
using namespace dreamrunner;

/// A line of /proc/self/status in kB, such as "VmHWM".
long status_kb(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return std::stol(line.substr(name.size() + 1));
  }
  return 0;
}

std::vector<TrainingVideo> random_videos(const VideoTransformer& transformer, int64_t latent_frames) {
  const auto& config = transformer.config();
  at::manual_seed(1);
  std::vector<TrainingVideo> videos;
  for (int i = 0; i < 2; ++i) {
    videos.push_back({.latents_FCHW = at::randn({latent_frames, config.in_channels, config.sample_height, config.sample_width}),
                      .mirrored_FCHW = {},
                      .text_TD = at::randn({config.max_text_seq_length, config.text_embed_dim}),
                      .mask_HW = {}});
  }
  return videos;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "training_bench MODEL FRAMES RANK RECOMPUTE REPEATS\n";
    return 2;
  }
  const ModelFolder model(argv[1]);
  const VideoTransformer transformer = model.open_transformer({});
  const NoiseSchedule schedule(model.scheduler_config());
  PriorRecipe recipe;
  recipe.steps = 1'000'000;
  recipe.rank = std::stoi(argv[3]);
  recipe.spatial_loras = false;  // One loss a step: what the peer does.
  Trainer trainer(transformer, schedule, random_videos(transformer, std::stoll(argv[2])), PriorKind::motion, recipe, 0);
  trainer.set_recompute(std::string(argv[4]) == "on");
  const int repeats = std::stoi(argv[5]);
  const long before_kb = status_kb("VmRSS");
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; ++i) trainer.step();
    std::cout << fmt::format("{:.6f}", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / repeats) << std::endl;
  }
  std::cout << fmt::format("{} {}", before_kb, status_kb("VmHWM")) << std::endl;
  return 0;
}
