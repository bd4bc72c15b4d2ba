#include "learn/learn_prior.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <c10/core/GradMode.h>

#include <fmt/format.h>

#include "adapt/lora_file.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/stopwatch.h"
#include "learn/example_latents.h"
#include "learn/prior_blocks.h"
#include "learn/prior_sample.h"
#include "learn/trainer.h"
#include "learn/training_memory.h"
#include "models/model_folder.h"
#include "stages/model_location.h"
#include "tensor/device.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr int kTrainingFormat = 2;  // Raise it when the same request learns something else.
// What a power cut may cost: ten seconds, or of a large training so many that saving takes a twentieth of the time.
constexpr double kSaveEvery_s = 10;
constexpr double kSaveShare = 0.05;

/// Tells one training from another: all that decides its steps. How many steps there are does not.
std::string identity_of(const LearnRequest& request, const std::vector<TrainingVideo>& videos, Placement placement) {
  const PriorRecipe& r = request.recipe;
  Sha256 hash;
  hash.update(fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", kTrainingFormat, prior_kind_name(request.kind), request.base,
                          request.seed, r.rank, r.learning_rate, r.weight_decay, r.dropout, r.blocks, r.linears, r.prompts, r.loss_frames, r.debias, r.debias_beta,
                          r.spatial_loras, r.spatial_skip, r.flip, r.mask_background, r.pixel_range, r.accumulate, placement.device.str(), dtype_name(placement.dtype)));
  for (const TrainingVideo& video : videos) {
    for (const at::Tensor& tensor : {video.latents_FCHW, video.mirrored_FCHW, video.text_TD, video.mask_HW}) {
      if (!tensor.defined()) continue;
      const at::Tensor bytes = tensor.to(at::kCPU, at::kFloat).contiguous();
      hash.update(std::span(static_cast<const uint8_t*>(bytes.const_data_ptr()), static_cast<size_t>(bytes.numel()) * sizeof(float)));
    }
  }
  return hash.hex_digest();
}

double mean(const std::vector<double>& losses, size_t begin, size_t end) {
  return begin < end ? std::accumulate(losses.begin() + static_cast<int64_t>(begin), losses.begin() + static_cast<int64_t>(end), 0.0) / static_cast<double>(end - begin) : 0.0;
}

LoraInfo describe(const LearnRequest& request, const VideoTransformer& transformer, int steps) {
  LoraInfo info;
  info.kind = prior_kind_name(request.kind);
  info.name = request.name;
  info.base = request.base;
  info.base_name = model_name(request.model);
  for (const int64_t block : prior_blocks(request.recipe.blocks, request.kind, transformer.config().num_layers)) info.blocks.push_back(block);
  info.rank = request.recipe.rank;
  info.alpha = request.recipe.rank;
  info.step = steps;
  for (const auto& [name, value] : request.facts) info.data[name] = value;
  return info;
}

/// While it lives kernels that add in no fixed order are left out, so that a training that was interrupted ends as one that
/// was not. On the CPU there are none that matter.
class FixedOrder {
 public:
  explicit FixedOrder(at::Device device) {
    if (device.is_cpu()) return;
    // Strictly: flash attention's gradients are added in a fixed order only where the other would be an error.
    context_.setDeterministicAlgorithms(true, /*warn_only=*/false);
    context_.setDeterministicFillUninitializedMemory(false);  // would write every new tensor once more
  }
  ~FixedOrder() {
    context_.setDeterministicAlgorithms(was_, warned_only_);
    context_.setDeterministicFillUninitializedMemory(filled_);
  }
  FixedOrder(const FixedOrder&) = delete;
  FixedOrder& operator=(const FixedOrder&) = delete;

 private:
  at::Context& context_ = at::globalContext();
  const bool was_ = context_.deterministicAlgorithms(), warned_only_ = context_.deterministicAlgorithmsWarnOnly();
  const bool filled_ = context_.deterministicFillUninitializedMemory();
};

}  // namespace

LearnResult learn_prior(const LearnRequest& request, RunContext& run) {
  const Stopwatch watch;
  const PriorRecipe& recipe = request.recipe;
  if (request.examples.empty()) {
    throw Error(ErrorKind::usage, fmt::format("{}: nothing to learn from", request.label),
                request.kind == PriorKind::motion ? "name clips of the motion" : "name pictures of the character");
  }
  const ModelFolder model(request.model);
  Placement placement;
  placement.device = choose_device(request.device);
  placement.dtype = choose_dtype(request.dtype, placement.device, model.stored_dtype());

  // The frozen parts come and go before the transformer does, so that memory never holds all of them.
  std::vector<TrainingVideo> videos;
  {
    const c10::NoGradGuard no_grad;
    videos = encode_examples(request, model, placement, run);
    embed_captions(request, model, placement, videos, run);
  }
  std::optional<PriorSampler> sampler;
  if (request.sample_every > 0) {
    const LatentGrid grid = model.latent_grid(std::nullopt, std::nullopt, std::nullopt);
    sampler.emplace(model, request.sample_prompt.empty() ? request.examples.front().caption : request.sample_prompt, grid, placement, request.seed, run);
  }
  const VideoTransformer transformer = model.open_transformer(placement);
  const NoiseSchedule schedule(model.scheduler_config());
  const std::string identity = identity_of(request, videos, placement);
  std::optional<Trainer> trainer(std::in_place, transformer, schedule, videos, request.kind, recipe, request.seed);

  LearnResult result;
  const TrainingMemory memory = plan_training_memory(transformer, trainer->parameter_count(), model.latent_grid(recipe.num_frames, std::nullopt, std::nullopt),
                                                     recipe, placement);
  trainer->set_recompute(memory.recompute);
  result.peak_bytes = memory.bytes;
  run.report().note(fmt::format("{}: {}", request.label, memory.in_words));

  const fs::path state = request.work / "state.safetensors";
  std::error_code ignored;
  make_folders(request.work);
  if (fs::exists(state, ignored)) {
    try {
      if (!trainer->load(state, identity)) run.report().note(fmt::format("{}: the saved state is of another training; beginning anew", request.label));
    } catch (const Error& error) {
      run.report().note(fmt::format("{}: {}; beginning anew", request.label, error.what()));
      trainer.emplace(transformer, schedule, videos, request.kind, recipe, request.seed);
      trainer->set_recompute(memory.recompute);
    }
  }
  result.resumed_from = static_cast<int>(trainer->steps_done());
  if (result.resumed_from > 0) run.report().note(fmt::format("{}: goes on from step {}", request.label, result.resumed_from));

  const std::string stage = request.label + ": learning";
  run.report().begin(stage, recipe.steps);
  run.report().advance(trainer->steps_done());
  std::vector<double> losses;
  Stopwatch since_saved;
  double saving_s = 0;
  const auto saving_before_a_stop = [&](const auto& work) {
    try {
      work();
    } catch (const Error&) {
      trainer->save(state, identity);
      throw;
    }
  };
  while (trainer->steps_done() < recipe.steps) {
    saving_before_a_stop([&] { run.check(); });
    {
      const FixedOrder fixed_order(placement.device);
      losses.push_back(trainer->step());
    }
    run.report().detail(fmt::format("loss {:.4f}", mean(losses, losses.size() > 20 ? losses.size() - 20 : 0, losses.size())));
    run.report().advance(trainer->steps_done());
    const bool due = since_saved.seconds() > std::max(kSaveEvery_s, saving_s / kSaveShare);
    if (trainer->steps_done() % std::max(1, recipe.checkpoint_every) == 0 || due) {
      const Stopwatch saving;
      trainer->save(state, identity);
      saving_s = saving.seconds();
      since_saved = {};
    }
    if (sampler && trainer->steps_done() % request.sample_every == 0) {
      const fs::path clip = request.samples / fmt::format("step-{:06}.mp4", trainer->steps_done());
      saving_before_a_stop([&] { sampler->write(transformer, trainer->prior(), clip, request.label, run); });
    }
  }
  run.report().end();
  write_lora(request.output, trainer->prior(), describe(request, transformer, static_cast<int>(trainer->steps_done())));
  // The state stays until the prior has its record: whoever keeps that takes the folder `work` away.

  const size_t tenth = std::max<size_t>(1, losses.size() / 10);
  result.steps = static_cast<int>(trainer->steps_done());
  result.first_loss = mean(losses, 0, std::min(tenth, losses.size()));
  result.last_loss = mean(losses, losses.size() - std::min(tenth, losses.size()), losses.size());
  result.seconds = watch.seconds();
  return result;
}

}  // namespace dreamrunner
