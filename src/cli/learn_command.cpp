#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/prior_report.h"
#include "cli/setting_options.h"
#include "cli/terminal_text.h"
#include "film/learn_film.h"

namespace dreamrunner {
namespace {

constexpr const char* kRecipe = "Instead of what film.toml says under [priors]";

/// The recipe's options as they were typed; what was not typed stays empty.
struct RecipeOptions {
  std::optional<std::string> preset;
  std::optional<int64_t> steps, rank, max_clips, num_frames, accumulate;
  std::optional<double> learning_rate, weight_decay, dropout, flip;
  std::optional<std::string> blocks, linears, prompts, loss_frames, pixel_range, recompute;
  bool no_debias = false;
  bool no_spatial_loras = false;
  bool mask_background = false;

  /// By their names in film.toml, checked; messages name the options.
  Json changes() const {
    Json changes = Json::object();
    PriorChoices scratch;
    const auto take = [&](const char* name, const std::string& option, const auto& value) {
      if (!value) return;
      set_recipe_value(scratch, name, *value, option);
      changes[name] = *value;
    };
    if (preset) {
      dreamrunner::prior_recipe(PriorKind::motion, *preset, "--preset");
      changes["preset"] = *preset;
    }
    take("steps", "--steps", steps);
    take("rank", "--rank", rank);
    take("learning_rate", "--learning-rate", learning_rate);
    take("weight_decay", "--weight-decay", weight_decay);
    take("dropout", "--dropout", dropout);
    take("blocks", "--blocks", blocks);
    take("linears", "--linears", linears);
    take("num_frames", "--num-frames", num_frames);
    take("prompts", "--prompts", prompts);
    take("loss_frames", "--loss-frames", loss_frames);
    take("flip", "--flip", flip);
    take("pixel_range", "--pixel-range", pixel_range);
    take("accumulate", "--accumulate", accumulate);
    take("recompute", "--recompute", recompute);
    take("max_clips", "--max-clips", max_clips);
    if (no_debias) changes["debias"] = false;
    if (no_spatial_loras) changes["spatial_loras"] = false;
    if (mask_background) changes["mask_background"] = true;
    return changes;
  }
};

void add_recipe_options(CLI::App& app, RecipeOptions& recipe) {
  const auto add = [&app](const char* name, auto& value, const char* type, const char* text) { app.add_option(name, value, text)->type_name(type)->group(kRecipe); };
  const auto flag = [&app](const char* name, bool& value, const char* text) { app.add_flag(name, value, text)->group(kRecipe); };
  add("--preset", recipe.preset, "NAME", "paper, code or playset; the options below go over it");
  add("--steps", recipe.steps, "N", "steps of learning");
  add("--rank", recipe.rank, "R", "of the LoRA");
  add("--learning-rate", recipe.learning_rate, "X", "of AdamW");
  add("--weight-decay", recipe.weight_decay, "X", "of AdamW");
  add("--blocks", recipe.blocks, "NAME", "which of the model's blocks learn: auto, all, even, odd, first-half or second-half");
  add("--linears", recipe.linears, "NAME", "which linears of a block: all, or paper");
  add("--dropout", recipe.dropout, "P", "of the LoRA's output");
  add("--num-frames", recipe.num_frames, "F", "pictures of a training video");
  add("--max-clips", recipe.max_clips, "N", "learn from the first N clips or pictures only");
  add("--prompts", recipe.prompts, "NAME", "per-video captions, or a single text for all");
  add("--flip", recipe.flip, "P", "how often a clip or picture is mirrored, 0 to 1");
  flag("--no-debias", recipe.no_debias, "motions: without the appearance-debiased loss");
  flag("--no-spatial-loras", recipe.no_spatial_loras, "motions: without a LoRA for each video's looks");
  add("--loss-frames", recipe.loss_frames, "NAME", "characters: which latent frame counts: first, random or all");
  flag("--mask-background", recipe.mask_background, "characters: only where the picture is opaque or not white");
  add("--pixel-range", recipe.pixel_range, "NAME", "symmetric (-1 to 1), or official (0 to 1, as in the authors' code)");
  add("--accumulate", recipe.accumulate, "N", "losses added up before a step");
  add("--recompute", recipe.recompute, "NAME", "compute again instead of keeping in memory: auto, on or off");
}

void learn_and_tell(const LearnFilmRequest& request, Session& session) {
  RunContext& run = session.run("run the same command again to go on");
  const LearnFilmResult result = learn_film(request, open_engine, run);
  session.finish_progress();
  if (session.json()) {
    session.print_event({{"event", "done"},
                         {"folder", result.folder.string()},
                         {"library", result.library.string()},
                         {"priors", priors_json(result.priors)},
                         {"missing", result.missing},
                         {"total_s", result.total_s}});
    return;
  }
  for (const PriorOutcome& prior : result.priors) session.print(prior_line(prior));
  bool any_learnt = false;
  for (const PriorOutcome& prior : result.priors) any_learnt = any_learnt || prior.source == PriorSource::learnt;
  if (any_learnt) session.print(fmt::format("made in {}; kept in {}", format_duration(result.total_s), result.library.string()));
  if (!request.overrides.prior_recipe.empty() || request.overrides.prior_seed) {
    session.print("`make` learns what film.toml says: to keep this recipe, write it under [priors]");
  }
}

}  // namespace

CommandBody attach_learn(CLI::App& app) {
  const auto request = std::make_shared<LearnFilmRequest>();
  const auto recipe = std::make_shared<RecipeOptions>();
  const auto no_wait = std::make_shared<bool>(false);
  SettingOverrides& overrides = request->overrides;
  app.add_option("FILM", request->film, "the film's folder, or its film.toml")->required();
  app.add_option("--motion", request->motions, "only this motion, by its id; repeatable")->type_name("ID")->allow_extra_args(false);
  app.add_option("--character", request->characters, "only this character, by its id; repeatable")->type_name("ID")->allow_extra_args(false);
  app.add_flag("--force", request->options.force, "learn anew what is there");
  app.add_flag("--strict", request->strict, "refuse when the plan wants something that cannot be learnt");
  app.add_flag("--no-wait", *no_wait, "exit with code 7 when another run learns the same");
  add_recipe_options(app, *recipe);
  app.add_option("--seed", overrides.prior_seed, "of learning")->type_name("N")->group(kRecipe);
  const auto sample_every = std::make_shared<int64_t>(0);
  app.add_option("--sample-every", *sample_every, "make a clip with what is learnt so far every N steps, in samples/ beside the link")->type_name("N");
  app.add_option("--sample-prompt", request->options.sample_prompt, "what these clips show; the first example's caption without it")->type_name("TEXT")->needs("--sample-every");
  constexpr const char* kModel = "Instead of what film.toml says under [model]";
  app.add_option("--model", overrides.model, "a folder in the Hugging Face layout, a name in its cache, or playset")->type_name("NAME")->group(kModel);
  app.add_option("--device", overrides.device, "auto, cpu or cuda")->type_name("NAME")->group(kModel);
  app.add_option("--dtype", overrides.dtype, "auto, fp32, fp16 or bf16")->type_name("NAME")->group(kModel);
  return [request, recipe, no_wait, sample_every](Session& session) {
    request->options.sample_every = static_cast<int>(checked_whole("--sample-every", *sample_every, {0, 1'000'000}));
    request->options.wait = !*no_wait;
    request->overrides.prior_recipe = recipe->changes();
    request->overrides.priors = "on";  // Asked for by name, whatever film.toml does with them.
    learn_and_tell(*request, session);
  };
}

}  // namespace dreamrunner
