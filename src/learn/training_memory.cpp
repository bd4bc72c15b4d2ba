#include "learn/training_memory.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "tensor/device.h"

namespace dreamrunner {
namespace {

std::string gigabytes(int64_t bytes) { return fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9); }

}  // namespace

int64_t activation_bytes(const CogVideoXTransformerConfig& config, int64_t tokens, int64_t rank, int64_t element_bytes, bool recompute) {
  // In units of the model's width, for one token of one block: two normalisations (2) and what they modulate (2), queries and
  // keys before and after their norms, values, attention (6), its projection's input (1), the feed-forward's middle before
  // and after its activation (8); and six rank-wide middles.
  const int64_t block = tokens * (19 * config.width() + 6 * rank) * element_bytes;
  const int64_t kept = tokens * 3 * config.width() * element_bytes;
  return recompute ? config.num_layers * kept + block : config.num_layers * block;
}

TrainingMemory plan_training_memory(const VideoTransformer& transformer, int64_t lora_parameters, const LatentGrid& grid, const PriorRecipe& recipe,
                                    Placement placement) {
  const CogVideoXTransformerConfig& config = transformer.config();
  const int64_t element = static_cast<int64_t>(c10::elementSize(placement.dtype));
  const int64_t tokens = config.max_text_seq_length + grid.visual_tokens();
  int64_t weights = 0;
  for (const AdaptableLinear& linear : transformer.adaptable_linears()) weights += linear.in * linear.out * element;
  const int64_t optimiser = lora_parameters * 4 * static_cast<int64_t>(sizeof(float));  // value, gradient, two averages
  const auto total = [&](bool recompute) { return weights + optimiser + activation_bytes(config, tokens, recipe.rank, element, recompute); };

  // What is on a GPU already is not free there; on the CPU weights may be pages of a file, which count as free.
  std::optional<int64_t> free = available_bytes(placement.device);
  if (free && !placement.device.is_cpu()) *free += weights;
  if (recipe.recompute != "auto" && recipe.recompute != "on" && recipe.recompute != "off") {
    throw Error(ErrorKind::usage, fmt::format("recompute: found \"{}\", auto, on or off expected", recipe.recompute));
  }
  TrainingMemory plan;
  plan.recompute = recipe.recompute == "on" || (recipe.recompute == "auto" && (free ? total(false) > *free / 2 : tokens > 8192));
  plan.bytes = total(plan.recompute);
  plan.in_words = fmt::format("takes about {} of memory{}{}", gigabytes(plan.bytes), plan.recompute ? ", blocks computed again for the gradients" : "",
                              free ? fmt::format(" ({} free)", gigabytes(*free)) : "");
  if (free && plan.bytes > *free) {
    throw Error(ErrorKind::memory, fmt::format("learning would take about {}, {} are free", gigabytes(plan.bytes), gigabytes(*free)),
                plan.recompute ? fmt::format("fewer pictures (num_frames, now {}), a smaller rank (now {}), or --dtype bf16", grid.num_frames, recipe.rank)
                               : "--recompute on, which would take " + gigabytes(total(true)));
  }
  return plan;
}

}  // namespace dreamrunner
