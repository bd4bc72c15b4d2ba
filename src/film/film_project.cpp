#include "film/film_project.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/path_kind.h"
#include "film/model_fingerprint.h"
#include "plan/load_plan.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

// Raise one of these when the program makes that artefact differently from the same inputs; every film then makes it anew.
constexpr int kLatentsFormat = 1;
constexpr int kVideoFormat = 1;
constexpr int kSheetFormat = 1;
constexpr int kFilmFormat = 1;

Json optional_json(const auto& value) { return value ? Json(*value) : Json(nullptr); }

/// The part of a scene that becomes pictures.
Json picture_part(const Scene& scene) {
  Json key_frames = Json::array();
  for (const KeyFrame& key_frame : scene.key_frames) {
    Json regions = Json::array();
    for (const PlannedRegion& region : key_frame.regions) {
      const Box& box = region.box;
      regions.push_back({{"character", region.character},
                         {"motion", region.motion},
                         {"caption", region.caption},
                         {"box", {box.left, box.top, box.right, box.bottom}}});
    }
    key_frames.push_back(regions);
  }
  return {{"background", scene.background}, {"key_frames", key_frames}};
}

std::string picture_hash(const Scene& scene) { return sha256_hex(picture_part(scene).dump()); }

/// Which regions, by number; what they are is in the scene's hash.
std::string places_hash(const std::vector<RegionPlace>& places) {
  std::string text;
  for (const RegionPlace& place : places) text += fmt::format("{}:{} ", place.key_frame, place.region);
  return sha256_hex(text);
}

/// Said only where tiling is on, so that a film without it keeps its records.
void add_tiling(Json& inputs, const FilmProject& film) {
  if (film.settings.generate.vae_tiling) inputs["vae_tiling"] = true;
}

}  // namespace

std::string FilmProject::title() const {
  if (!settings.title.empty()) return settings.title;
  if (!plan.title.empty()) return plan.title;
  // Names of folders need not be UTF-8, titles must be.
  const std::string name = folder.root().filename().string();
  return is_utf8(name) ? name : "film";
}

int64_t FilmProject::seed(int number) const { return scene(number).seed.value_or(settings.seed + number - 1); }

FilmProject read_film(const fs::path& film, const SettingOverrides& overrides, std::optional<int> scene) {
  FilmFolder folder(film);
  FilmSettings settings = load_film_settings(folder.settings_file());
  apply_overrides(settings, overrides);
  const fs::path plan_file = folder.root() / settings.plan;  // An absolute path replaces the root.
  if (!is_there(plan_file)) {
    throw Error(ErrorKind::input_file, fmt::format("{}: no such file, the film's plan expected", plan_file.string()),
                settings.story.empty() && settings.topic.empty()
                    ? "write the plan (docs/plans.md), or name it with `plan` in film.toml"
                    : fmt::format("`dreamrunner plan {}` makes it", folder.root().string()));
  }
  Plan plan = load_plan(plan_file);
  if (scene && (*scene < 1 || static_cast<size_t>(*scene) > plan.scenes.size())) {
    throw Error(ErrorKind::usage, fmt::format("scene {}: the plan has scenes 1 to {}", *scene, plan.scenes.size()));
  }
  settings.generate.model = find_model(settings.model);
  std::string fingerprint = model_fingerprint(settings.generate.model);
  complete_for_priors(plan, settings);
  FilmProject project{std::move(folder), std::move(settings), std::move(plan), std::move(fingerprint), {}, {}};
  project.hashes = FileHashes(project.folder.state_folder() / "hashes.json");
  return project;
}

void gather_priors(FilmProject& film) {
  film.priors = PriorGatherer(film.folder.root(), film.settings, film.model_fingerprint, film.hashes).gather(film.plan);
}

FilmProject open_film(const fs::path& film, const SettingOverrides& overrides, std::optional<int> scene) {
  FilmProject project = read_film(film, overrides, scene);
  gather_priors(project);
  return project;
}

Json latents_inputs(const FilmProject& film, int scene) {
  const GenerationSettings& generate = film.settings.generate;
  Json inputs = {{"artefact", "latents"},
          {"format", kLatentsFormat},
          {"model", film.model_fingerprint},
          {"scene", picture_hash(film.scene(scene))},
          {"seed", film.seed(scene)},
          {"steps", generate.steps},
          {"guidance_scale", generate.guidance_scale},
          {"negative_prompt", generate.negative_prompt},
          {"num_frames", optional_json(generate.num_frames)},
          {"height", optional_json(generate.height)},
          {"width", optional_json(generate.width)},
          {"sampler", generate.sampler},
          {"interpolation", generate.interpolation},
          {"visual_attn", generate.visual_attn},
          {"dtype", generate.dtype},
          {"noise_dtype", generate.noise_dtype}};
  // Said only where there are priors, so that a film without them keeps its records.
  const std::vector<SceneBinding> bindings = film.bindings(scene);
  if (bindings.empty()) return inputs;
  const bool everywhere = film.settings.lora_scope == "global";
  inputs["lora_scope"] = film.settings.lora_scope;
  inputs["lora_text_tokens"] = generate.lora_text_tokens;
  for (const SceneBinding& binding : bindings) {
    Json prior = {{"prior", binding.prior->hash}, {"weight", binding.prior->weight}};
    if (!everywhere) prior["places"] = places_hash(binding.places);
    inputs[binding.prior->label()] = prior;
  }
  return inputs;
}

Json video_inputs(const FilmProject& film, int scene, const std::string& latents_sha256) {
  Json inputs = {{"artefact", "video"},
          {"format", kVideoFormat},
          {"model", film.model_fingerprint},
          {"latents", latents_sha256},
          {"dtype", film.settings.generate.dtype},
          {"fps", optional_json(film.settings.fps)},
          {"prompt", sha256_hex(film.scene(scene).background)},
          {"number", scene},
          {"seed", film.seed(scene)}};
  add_tiling(inputs, film);
  return inputs;
}

Json sheet_inputs(const FilmProject& film, int scene, const std::string& latents_sha256) {
  Json inputs = {{"artefact", "sheet"},
          {"format", kSheetFormat},
          {"model", film.model_fingerprint},
          {"latents", latents_sha256},
          {"dtype", film.settings.generate.dtype},
          {"scene", picture_hash(film.scene(scene))},
          {"fps", optional_json(film.settings.fps)},
          {"number", scene},
          {"seed", film.seed(scene)}};
  add_tiling(inputs, film);
  return inputs;
}

Json film_inputs(const FilmProject& film, const std::vector<std::string>& videos) {
  return {{"artefact", "film"}, {"format", kFilmFormat}, {"scenes", videos}, {"title", film.title()}, {"seed", film.settings.seed}};
}

}  // namespace dreamrunner
