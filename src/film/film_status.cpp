#include "film/film_status.h"

#include <algorithm>

#include <fmt/format.h>

#include "film/film_project.h"
#include "film/plan_film.h"

namespace dreamrunner {

bool FilmStatus::fresh() const {
  return std::all_of(artefacts.begin(), artefacts.end(), [](const ArtefactStatus& artefact) { return artefact.verdict.fresh(); });
}

FilmStatus film_status(const std::filesystem::path& path, const SettingOverrides& overrides) {
  const FilmProject film = open_film(path, overrides);
  const Journal journal(film.folder.journal_file());
  FilmStatus status;
  if (!film.settings.story.empty() || !film.settings.topic.empty()) {
    const PlanVerdict plan = judge_plan(film.folder, film.settings, journal);
    const Freshness freshness = plan.standing == PlanStanding::stale ? Freshness::stale : Freshness::fresh;
    status.artefacts.push_back({film.settings.plan.generic_string(), {freshness, plan.reason + (plan.kept() ? ", kept" : "")}});
  }
  int first_unfinished = 0;
  for (int scene = 1; scene <= film.scene_count(); ++scene) {
    SceneVerdict verdict = judge_scene(film, journal, scene);
    if (first_unfinished == 0 && !verdict.video.fresh()) first_unfinished = scene;
    status.artefacts.push_back({FilmFolder::latents_name(scene), std::move(verdict.latents)});
    status.artefacts.push_back({FilmFolder::video_name(scene), std::move(verdict.video)});
    status.artefacts.push_back({FilmFolder::sheet_name(scene), std::move(verdict.sheet)});
  }
  Verdict joined = judge_film(film, journal);
  // The record speaks of the videos that were joined, not of what they ought to be by now.
  if (joined.fresh() && first_unfinished != 0) joined = {Freshness::stale, fmt::format("scene {} is to be made", first_unfinished)};
  status.artefacts.push_back({FilmFolder::film_name(), std::move(joined)});
  status.notes = journal.notes();
  return status;
}

}  // namespace dreamrunner
