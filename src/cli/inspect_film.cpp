#include <map>
#include <set>

#include "cli/inspect.h"
#include "film/film_project.h"
#include "film/film_status.h"
#include "plan/load_plan.h"

namespace dreamrunner {
namespace {

/// Who is in a scene, each once, in the order of appearance; what is no character counts by its caption.
std::vector<std::string> cast_of(const Scene& scene) {
  std::vector<std::string> cast;
  std::set<std::string> seen;
  for (const KeyFrame& frame : scene.key_frames) {
    for (const PlannedRegion& region : frame.regions) {
      const bool nameless = region.character.empty() || region.character == "none";
      const std::string& name = nameless ? region.caption : region.character;
      if (seen.insert(name).second) cast.push_back(name);
    }
  }
  return cast;
}

// One screen holds so many.
constexpr size_t kScenesShown = 12;

/// Adds the number of scenes and a line for each.
void add_scenes(Json& report, const Plan& plan, bool all) {
  const size_t shown = all || plan.scenes.size() <= kScenesShown ? plan.scenes.size() : kScenesShown;
  Json scenes = Json::array();
  for (size_t i = 0; i < shown; ++i) {
    const Scene& scene = plan.scenes[i];
    Json line = {{"scene", i + 1}, {"key_frames", scene.key_frames.size()}, {"cast", cast_of(scene)}, {"background", scene.background}};
    if (scene.seed) line["seed"] = *scene.seed;
    scenes.push_back(line);
  }
  report["scene_count"] = plan.scenes.size();
  report["scenes"] = scenes;
  if (shown < plan.scenes.size()) report["scenes_not_shown"] = plan.scenes.size() - shown;
}

Json characters_of(const Plan& plan) {
  Json characters = Json::object();
  for (const Character& character : plan.characters) {
    characters[character.id] = character.token.empty() ? character.name : character.token + " " + character.name;
  }
  return characters;
}

}  // namespace

Json inspect_plan(const std::filesystem::path& file, const InspectOptions& options) {
  const Plan plan = load_plan(file);
  Json report = {{"kind", "plan"}, {"path", file.string()}};
  if (!plan.title.empty()) report["title"] = plan.title;
  if (!plan.characters.empty()) report["characters"] = characters_of(plan);
  add_scenes(report, plan, options.all);
  return report;
}

Json inspect_film(const std::filesystem::path& folder, const InspectOptions& options) {
  const FilmProject film = open_film(folder, {});
  const GenerationSettings& settings = film.settings.generate;
  Json report = {{"kind", "film"},
                 {"path", film.folder.root().string()},
                 {"title", film.title()},
                 {"model", film.settings.model},
                 {"seed", film.settings.seed},
                 {"steps", settings.steps},
                 {"guidance_scale", settings.guidance_scale}};
  if (!film.plan.characters.empty()) report["characters"] = characters_of(film.plan);
  add_scenes(report, film.plan, options.all);

  const FilmStatus status = film_status(folder);
  Json artefacts = Json::object();
  std::map<std::string, int> counts;
  for (const ArtefactStatus& artefact : status.artefacts) {
    const std::string word = freshness_name(artefact.verdict.freshness);
    ++counts[word];
    artefacts[artefact.name] = artefact.verdict.reason.empty() ? word : word + ": " + artefact.verdict.reason;
  }
  report["state"] = counts;
  report["artefacts"] = artefacts;
  if (!status.notes.empty()) report["notes"] = status.notes;
  return report;
}

}  // namespace dreamrunner
