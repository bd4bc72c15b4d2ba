#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/run_context.h"
#include "diffusion/noise_schedule.h"
#include "learn/losses.h"
#include "learn/trainable_lora.h"
#include "models/model_folder.h"
#include "stages/priors.h"

namespace dreamrunner {

/// A video or a repeated picture as the transformer sees it.
struct TrainingVideo {
  at::Tensor latents_FCHW;   ///< Scaled, fp32, on the CPU.
  at::Tensor mirrored_FCHW;  ///< Of the mirrored video; undefined where no mirroring is asked for.
  at::Tensor text_TD;        ///< The embedded caption.
  at::Tensor mask_HW;        ///< Weights of the loss at latent size; undefined: all count alike.
};

/// Learns a prior from encoded videos. What a step draws depends on the seed and the step's number alone, so training that
/// stops and goes on from a saved state ends with the same bytes.
///
/// The draws, so that other programs can follow: a generator seeded with `seed` gives the factors of the prior's LoRA and
/// then those of the videos' own, in order. Epoch e visits the videos in the order of torch.randperm under a generator
/// seeded with seed + 1 + e. Loss n (from 0, `accumulate` to a step) has a generator seeded with 1000003 * (seed + 1) + n
/// and draws: uniform [1] (mirrored if below `flip`), timestep randint [1], noise randn [1, F, C, H, W], uniform [1] (the video's
/// LoRA is left out if below `spatial_skip`), latent frame randint [1], anchor frame randint [1].
class Trainer {
 public:
  /// The transformer must outlive the trainer; its weights stay as they are. Throws Error(usage) for a recipe that makes
  /// no sense with it.
  Trainer(const VideoTransformer& transformer, const NoiseSchedule& schedule, std::vector<TrainingVideo> videos, PriorKind kind,
          const PriorRecipe& recipe, int64_t seed);

  int64_t steps_done() const { return step_; }

  /// One step of the optimiser; returns the prior's loss. Throws Error(numerical) naming the step.
  double step();

  /// Weights, optimisers and the step's number, complete. `identity` tells one training from another.
  void save(const std::filesystem::path& path, const std::string& identity) const;
  /// Goes on from a saved state; false (and nothing changed) when the state is another training's.
  bool load(const std::filesystem::path& path, const std::string& identity);

  /// The prior as learnt so far: detached copies, fp32 on the CPU.
  LoraModules prior() const;
  /// Of the prior and of the videos' own LoRAs together.
  int64_t parameter_count() const;

  void set_recompute(bool on);

 private:
  struct Draw;
  Draw draw(int64_t loss) const;
  double learn_motion(const Draw& draw);
  double learn_subject(const Draw& draw);
  at::Tensor predict(const Draw& draw, const std::vector<TransformerLora>& loras, int64_t branch) const;
  /// Leaves the gradients of `share` times the loss in the factors; returns the loss.
  double backward(const at::Tensor& loss, double share, const char* name) const;
  /// A step of the optimiser by what the backward passes left in `lora`; left out where that does not fit into fp16.
  void apply(TrainableLora& lora);
  void adjust_scale();
  std::string stage() const;

  const VideoTransformer& transformer_;
  const NoiseSchedule& schedule_;
  std::vector<TrainingVideo> videos_;
  PriorKind kind_;
  PriorRecipe recipe_;
  int64_t seed_;
  int64_t step_ = 0;
  double scale_ = 1;            ///< Of losses before they go backward; above 1 in fp16 only, a power of two.
  int64_t since_overflow_ = 0;  ///< Steps.
  bool overflowed_ = false;     ///< In this step.
  std::vector<VideoTransformer::Context> contexts_;  ///< Of each video: what no step changes.
  std::optional<TrainableLora> prior_;               ///< Always there: the constructor makes it when it knows the blocks.
  std::vector<TrainableLora> spatial_;               ///< One a video, or none.
};

}  // namespace dreamrunner
