#include "cli/plan_check.h"

#include <memory>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "cli/plan_lines.h"
#include "cli/terminal_text.h"
#include "film/film_folder.h"
#include "film/film_settings.h"
#include "film/plan_film.h"
#include "plan/load_plan.h"
#include "plan/plan_form.h"
#include "stages/stages.h"
#include "text/t5_tokenizer.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// What of a model decides whether a plan suits it; read from its small files, without the engine.
struct ModelFacts {
  std::optional<T5Tokenizer> tokenizer;
  int64_t max_text_tokens = 0;
  std::optional<LintGrid> grid;
};

/// The grid that `make_latent_grid` of the engine lays out for the same settings; nothing for a config without the numbers.
std::optional<LintGrid> grid_of(const Json& transformer, const Json& vae, const GenerationSettings& settings) {
  const auto number = [](const Json& config, const char* name, int64_t otherwise) {
    const auto found = config.find(name);
    return found != config.end() && found->is_number_integer() ? found->get<int64_t>() : otherwise;
  };
  const int64_t ratio = number(vae, "temporal_compression_ratio", 4);
  const int64_t patch = number(transformer, "patch_size", 2);
  const int64_t sample_frames = number(transformer, "sample_frames", 0);
  const auto blocks = vae.find("block_out_channels");
  if (ratio < 1 || patch < 1 || sample_frames < 1 || blocks == vae.end() || !blocks->is_array() || blocks->empty() || blocks->size() > 16) return std::nullopt;
  const int64_t cell = int64_t{1} << (blocks->size() - 1);
  const int64_t own = (sample_frames - 1) / ratio + 1;
  LintGrid grid;
  grid.frames = settings.num_frames ? (*settings.num_frames - 1) / ratio + 1 : own > 1 ? own / 2 * 2 : 1;
  grid.height = (settings.height ? *settings.height / cell : number(transformer, "sample_height", 0)) / patch;
  grid.width = (settings.width ? *settings.width / cell : number(transformer, "sample_width", 0)) / patch;
  if (grid.height < 1 || grid.width < 1) return std::nullopt;
  return grid;
}

ModelFacts facts_of(const FilmSettings& settings) {
  const fs::path folder = find_model(settings.model);
  ModelFacts facts;
  facts.tokenizer = T5Tokenizer::from_folder(folder / "tokenizer");
  const Json transformer = read_json_file(folder / "transformer" / "config.json");
  if (const auto length = transformer.find("max_text_seq_length"); length != transformer.end() && length->is_number_integer()) {
    facts.max_text_tokens = length->get<int64_t>();
  }
  facts.grid = grid_of(transformer, read_json_file(folder / "vae" / "config.json"), settings.generate);
  return facts;
}

}  // namespace

void check_and_tell(const fs::path& film_or_plan, const std::vector<std::string>& silenced, Session& session) {
  LintOptions options;
  options.silenced.insert(silenced.begin(), silenced.end());
  ModelFacts facts;
  fs::path file = film_or_plan;
  std::error_code ignored;
  if (fs::is_directory(film_or_plan, ignored) || film_or_plan.filename() == "film.toml" || !fs::exists(film_or_plan, ignored)) {
    const FilmFolder folder(film_or_plan);
    const FilmSettings settings = load_film_settings(folder.settings_file());
    file = folder.root() / settings.plan;
    if (!fs::exists(file, ignored)) {
      throw Error(ErrorKind::input_file, fmt::format("{}: no such file, the film's plan expected", file.string()),
                  fmt::format("`dreamrunner plan {}` plans the film first", film_or_plan.string()));
    }
    for (const FilmCharacter& entry : settings.characters) options.characters.push_back(entry.character);
    // A script has as many scenes as its author likes; the paper's range is for language models.
    const bool scripted = settings.topic.empty();
    options.min_scenes = scripted ? 1 : settings.planner.min_scenes;
    options.max_scenes = scripted ? 1000 : settings.planner.max_scenes;
    options.key_frames = settings.planner.key_frames;
    // Who writes a plan by hand chooses the number for each scene.
    if (settings.story.empty() && settings.topic.empty()) options.silenced.insert("key-frame-count");
    if (settings.planner.max_motions) options.max_motions = options.max_motions_of_several = *settings.planner.max_motions;
    try {
      facts = facts_of(settings);
    } catch (const Error& error) {
      session.run("").report().note(fmt::format("the plan is not held against the film's model: {}", error.line()));
      session.finish_progress();
    }
    options.tokenizer = facts.tokenizer ? &*facts.tokenizer : nullptr;
    options.max_text_tokens = facts.max_text_tokens;
    options.grid = facts.grid;
  }
  const Plan plan = load_plan(file);
  const std::string bytes = read_plan_file(file);
  if (const PlanForm form = plan_form(bytes); form.begins_with_brace) options.text = form.text;
  const std::vector<LintFinding> findings = lint_plan(plan, options);
  if (session.json()) {
    Json event = {{"event", "check"}, {"plan", file.string()}};
    event.update(findings_to_json(findings));
    session.print_event(event);
  } else {
    print_lines(format_findings(findings, file.string()), session);
    session.print(fmt::format("{}: {}", printable(file.string()), findings.empty() ? "nothing to find fault with" : count_findings(findings)));
  }
  if (has_errors(findings)) {
    throw Error(ErrorKind::plan_refused, fmt::format("{}: {}", file.string(), count_findings(findings)), "docs/lint.md explains each rule");
  }
}

}  // namespace dreamrunner
