#include "learn/trainer.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/autograd.h>

#include <fmt/format.h>

#include "base/error.h"
#include "learn/prior_blocks.h"

namespace dreamrunner {
namespace {

// Of a loss in fp16, whose gradients would be nought otherwise: the least number of fp16 is 6e-8, and a gradient of a mean
// over a million numbers is smaller. Halved where a gradient is infinite, doubled after many that were not.
constexpr double kFirstScale = 65536, kLargestScale = 16777216;
constexpr int64_t kStepsToDouble = 1000;

at::Generator generator_of(uint64_t seed) { return at::detail::createCPUGenerator(seed); }

TransformerLora alive(const TrainableLora& lora, const char* name) { return {.modules = lora.modules(), .name = name}; }

}  // namespace

/// What one loss draws.
struct Trainer::Draw {
  int64_t number = 0;  ///< Of the loss, from 0.
  size_t video = 0;
  at::Tensor latents;  ///< [1, F, C, H, W]
  NoisedLatents noised;
  int64_t timestep = 0;
  bool mirrored = false;
  bool skip_spatial = false;
  int64_t frame = 0;
  int64_t anchor = 0;
};

Trainer::Trainer(const VideoTransformer& transformer, const NoiseSchedule& schedule, std::vector<TrainingVideo> videos, PriorKind kind,
                 const PriorRecipe& recipe, int64_t seed)
    : transformer_(transformer), schedule_(schedule), videos_(std::move(videos)), kind_(kind), recipe_(recipe), seed_(seed) {
  if (transformer.dtype() == at::kHalf) scale_ = kFirstScale;
  if (videos_.empty()) throw Error(ErrorKind::usage, "nothing to learn from");
  if (recipe.rank < 1 || recipe.steps < 1 || recipe.accumulate < 1) {
    throw Error(ErrorKind::usage, fmt::format("rank {}, steps {}, accumulate {}: 1 or more expected", recipe.rank, recipe.steps, recipe.accumulate));
  }
  if (recipe.loss_frames != "first" && recipe.loss_frames != "random" && recipe.loss_frames != "all") {
    throw Error(ErrorKind::usage, fmt::format("loss_frames: found \"{}\", first, random or all expected", recipe.loss_frames));
  }
  const auto linears = transformer.adaptable_linears();
  const auto blocks = prior_blocks(recipe.blocks, kind, transformer.config().num_layers);
  for (const TrainingVideo& video : videos_) {
    const at::Tensor& latents = video.latents_FCHW;
    contexts_.push_back(transformer.prepare(video.text_TD.unsqueeze(0), std::nullopt, latents.size(0), latents.size(2), latents.size(3)));
    // Videos of one size share one table of positions.
    VideoTransformer::Context& own = contexts_.back();
    for (const VideoTransformer::Context& other : contexts_) {
      if (other.frames != own.frames || other.height != own.height || other.width != own.width) continue;
      own.positions_VD = other.positions_VD;
      own.rotary_turns = other.rotary_turns;
      break;
    }
  }
  NoiseSource noise(seed);
  prior_.emplace(prior_linears(linears, blocks, recipe.linears), recipe.rank, noise, transformer.device());
  const auto others = other_blocks(blocks, transformer.config().num_layers);
  if (kind == PriorKind::motion && recipe.spatial_loras && !others.empty()) {
    for (size_t i = 0; i < videos_.size(); ++i) {
      spatial_.emplace_back(prior_linears(linears, others, recipe.linears), recipe.rank, noise, transformer.device());
    }
  }
}

Trainer::Draw Trainer::draw(int64_t loss) const {
  const int64_t count = static_cast<int64_t>(videos_.size());
  const auto seed = static_cast<uint64_t>(seed_);  // Sums of large seeds begin again at 0.
  const at::Tensor order = at::randperm(count, generator_of(seed + 1 + static_cast<uint64_t>(loss / count)), at::TensorOptions().dtype(at::kLong));
  Draw draw;
  draw.number = loss;
  draw.video = static_cast<size_t>(order[loss % count].item<int64_t>());
  at::Generator generator = generator_of(1'000'003 * (seed + 1) + static_cast<uint64_t>(loss));
  const auto uniform = [&] { return at::rand({1}, generator, at::TensorOptions().dtype(at::kFloat)).item<float>(); };
  const auto whole = [&](int64_t end) { return at::randint(0, end, {1}, generator, at::TensorOptions().dtype(at::kLong)).item<int64_t>(); };

  const TrainingVideo& video = videos_[draw.video];
  draw.mirrored = uniform() < recipe_.flip && video.mirrored_FCHW.defined();
  draw.latents = (draw.mirrored ? video.mirrored_FCHW : video.latents_FCHW).unsqueeze(0);
  draw.timestep = whole(static_cast<int64_t>(schedule_.alphas_cumprod().size()));
  const at::Tensor noise = at::randn(draw.latents.sizes(), generator, at::TensorOptions().dtype(at::kFloat));
  draw.skip_spatial = uniform() < recipe_.spatial_skip;
  draw.frame = whole(draw.latents.size(1));
  draw.anchor = whole(draw.latents.size(1));
  draw.noised = add_noise(draw.latents, noise, schedule_, draw.timestep);
  draw.noised.noised = draw.noised.noised.to(transformer_.device());
  draw.noised.velocity = draw.noised.velocity.to(transformer_.device());
  return draw;
}

std::string Trainer::stage() const { return fmt::format("learning, step {} of {}", step_ + 1, recipe_.steps); }

void Trainer::set_recompute(bool on) {
  for (VideoTransformer::Context& context : contexts_) context.recompute = on;
}

at::Tensor Trainer::predict(const Draw& draw, const std::vector<TransformerLora>& loras, int64_t branch) const {
  VideoTransformer::Context context = contexts_[draw.video];
  // Its own seed for every loss and branch, and the same when a block is computed again.
  const LoraDropout dropout{recipe_.dropout, (draw.number * 2 + branch) * 4096};
  context.adapters = transformer_.bind(loras, dropout);
  return transformer_.forward(draw.noised.noised, at::full({1}, draw.timestep, at::kLong), context).to(at::kFloat);
}

double Trainer::backward(const at::Tensor& loss, double share, const char* name) const {
  const double value = loss.item<double>();
  if (!std::isfinite(value)) throw Error(ErrorKind::numerical, fmt::format("{}: {} is {}", stage(), name, value), "a smaller learning rate, or fp32");
  torch::autograd::backward({loss * (share * scale_)}, {});
  return value;
}

void Trainer::apply(TrainableLora& lora) {
  const AdamWSettings settings{.learning_rate = recipe_.learning_rate, .weight_decay = recipe_.weight_decay};
  // Where a scaled gradient does not fit into fp16 the step is left out. Without a scale nothing can be mended.
  if (scale_ > 1 && !lora.has_finite_gradients()) {
    lora.clear_gradients();
    overflowed_ = true;
  } else {
    lora.step(settings, stage(), scale_);
  }
}

void Trainer::adjust_scale() {
  if (scale_ == 1) return;
  if (overflowed_) {
    scale_ = std::max(1.0, scale_ / 2);
    since_overflow_ = 0;
  } else if (++since_overflow_ >= kStepsToDouble) {
    scale_ = std::min(kLargestScale, scale_ * 2);
    since_overflow_ = 0;
  }
  overflowed_ = false;
}

double Trainer::learn_motion(const Draw& draw) {
  std::vector<TransformerLora> loras;
  if (!spatial_.empty() && !draw.skip_spatial) {
    // First the video's own LoRA takes in what the video looks like, on one frame and without the prior; one loss is
    // finished, step included, before the other begins.
    TrainableLora& spatial = spatial_[draw.video];
    loras.push_back(alive(spatial, "the video's own LoRA"));
    const at::Tensor prediction = predict(draw, loras, 0);
    backward(velocity_loss(prediction, draw.noised.velocity, draw.frame), 1.0, "the loss of a video's own LoRA");
    apply(spatial);
    // In the prior's loss it helps and does not learn.
    loras.clear();
    LoraModules frozen;
    for (const auto& [name, factors] : spatial.modules()) frozen[name] = {.down = factors.down.detach(), .up = factors.up.detach()};
    loras.push_back({.modules = std::move(frozen), .name = "the video's own LoRA"});
  }
  loras.push_back(alive(*prior_, "the prior"));
  const at::Tensor prediction = predict(draw, loras, 1);
  at::Tensor loss = velocity_loss(prediction, draw.noised.velocity);
  if (recipe_.debias) loss = loss + debiased_loss(prediction, draw.noised.velocity, draw.anchor, recipe_.debias_beta);
  return backward(loss, 1.0 / static_cast<double>(recipe_.accumulate), "the motion loss");
}

double Trainer::learn_subject(const Draw& draw) {
  const at::Tensor prediction = predict(draw, {alive(*prior_, "the prior")}, 1);
  std::optional<int64_t> frame;
  if (recipe_.loss_frames != "all") frame = recipe_.loss_frames == "first" ? 0 : draw.frame;
  at::Tensor mask = videos_[draw.video].mask_HW;
  if (mask.defined()) mask = (draw.mirrored ? mask.flip({1}) : mask).to(transformer_.device());
  const at::Tensor loss = velocity_loss(prediction, draw.noised.velocity, frame, mask);
  return backward(loss, 1.0 / static_cast<double>(recipe_.accumulate), "the subject's loss");
}

double Trainer::step() {
  const c10::AutoGradMode gradients(true);
  double sum = 0;
  for (int64_t i = 0; i < recipe_.accumulate; ++i) {
    const Draw now = draw(step_ * recipe_.accumulate + i);
    sum += kind_ == PriorKind::motion ? learn_motion(now) : learn_subject(now);
  }
  apply(*prior_);
  adjust_scale();
  ++step_;
  return sum / static_cast<double>(recipe_.accumulate);
}

void Trainer::save(const std::filesystem::path& path, const std::string& identity) const {
  TensorMap tensors;
  prior_->save(tensors, "prior.");
  for (size_t i = 0; i < spatial_.size(); ++i) spatial_[i].save(tensors, fmt::format("video.{}.", i));
  write_tensors(path, tensors, {{"kind", "training state"}, {"identity", identity}, {"step", std::to_string(step_)},
                               {"scale", fmt::format("{} {}", scale_, since_overflow_)}});
}

bool Trainer::load(const std::filesystem::path& path, const std::string& identity) {
  const TensorFile file(path);
  const auto& metadata = file.index().metadata;
  const auto found = metadata.find("identity");
  if (found == metadata.end() || found->second != identity) return false;
  const auto damaged = [&](const char* name) { return Error(ErrorKind::input_file, fmt::format("{}: {}: missing or damaged", path.string(), name)); };
  const auto text_of = [&](const char* name) {
    const auto entry = metadata.find(name);
    if (entry == metadata.end()) throw damaged(name);
    return std::istringstream(entry->second);
  };
  int64_t step = -1, since_overflow = 0;
  double scale = 0;
  if (!(text_of("step") >> step) || step < 0) throw damaged("step");
  if (!(text_of("scale") >> scale >> since_overflow) || !(scale >= 1) || since_overflow < 0) throw damaged("scale");
  const TensorMap tensors = read_tensors(path);
  prior_->load(tensors, "prior.", path.string());
  for (size_t i = 0; i < spatial_.size(); ++i) spatial_[i].load(tensors, fmt::format("video.{}.", i), path.string());
  step_ = step;
  scale_ = scale;
  since_overflow_ = since_overflow;
  return true;
}

LoraModules Trainer::prior() const {
  LoraModules copies;
  for (const auto& [name, factors] : prior_->modules()) {
    copies[name] = {.down = factors.down.detach().to(at::kCPU, at::kFloat, false, true), .up = factors.up.detach().to(at::kCPU, at::kFloat, false, true)};
  }
  return copies;
}

int64_t Trainer::parameter_count() const {
  int64_t count = prior_->parameter_count();
  for (const TrainableLora& lora : spatial_) count += lora.parameter_count();
  return count;
}

}  // namespace dreamrunner
