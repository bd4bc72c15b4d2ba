#include "film/film_status.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "film/film_project.h"
#include "film/plan_film.h"
#include "film/prior_library.h"
#include "film/retrieve_film.h"

namespace dreamrunner {
namespace {

/// A prior that no scene waits for may be missing: the film can be looked at and joined without it.
Verdict judge_prior(const FilmProject& film, const FilmPrior& prior, bool needed) {
  if (prior.is_own()) return {Freshness::fresh, prior.other_base.empty() ? "a file of your own" : fmt::format("a file of your own, {}", prior.other_base)};
  const PriorLibrary library(prior_library_folder(film.folder.root(), film.settings.priors.library));
  const PriorLibrary::State state = library.look(prior.hash);
  if (state == PriorLibrary::State::sound) return {Freshness::fresh, ""};
  if (!needed) return {Freshness::fresh, "not in the library, and no scene waits for it"};
  if (state == PriorLibrary::State::damaged) return {Freshness::damaged, "its bytes are not those of its record"};
  return {Freshness::missing, fmt::format("to be learnt from {} {}", prior.examples.size(), prior.kind == PriorKind::motion ? "clips" : "pictures")};
}

Verdict judge_clips(ClipsStanding standing) {
  switch (standing) {
    case ClipsStanding::missing: return {Freshness::missing, "to be retrieved"};
    case ClipsStanding::stale: return {Freshness::stale, "to be retrieved anew"};
    case ClipsStanding::fresh: return {Freshness::fresh, ""};
    case ClipsStanding::by_hand: return {Freshness::fresh, "written by hand"};
    case ClipsStanding::edited: return {Freshness::fresh, "edited, kept"};
  }
  return {};
}

}  // namespace

bool FilmStatus::fresh() const {
  return std::all_of(artefacts.begin(), artefacts.end(), [](const ArtefactStatus& artefact) { return artefact.verdict.fresh(); });
}

FilmStatus film_status(const std::filesystem::path& path, const SettingOverrides& overrides) {
  FilmProject film = open_film(path, overrides);
  const Journal journal(film.folder.journal_file());
  FilmStatus status;
  if (!film.settings.story.empty() || !film.settings.topic.empty()) {
    const PlanVerdict plan = judge_plan(film.folder, film.settings, journal);
    const Freshness freshness = plan.standing == PlanStanding::stale ? Freshness::stale : Freshness::fresh;
    status.artefacts.push_back({film.settings.plan.generic_string(), {freshness, plan.reason + (plan.kept() ? ", kept" : "")}});
  }
  for (const MotionStanding& motion : clip_standings(film)) status.artefacts.push_back({fmt::format("motions/{}/clips.json", motion.first), judge_clips(motion.second)});
  const size_t priors_at = status.artefacts.size();
  std::set<const FilmPrior*> needed;
  int first_unfinished = 0;
  for (int scene = 1; scene <= film.scene_count(); ++scene) {
    SceneVerdict verdict = judge_scene(film, journal, scene);
    if (first_unfinished == 0 && !verdict.video.fresh()) first_unfinished = scene;
    if (!verdict.latents.fresh()) {
      for (const SceneBinding& binding : film.bindings(scene)) needed.insert(binding.prior);
    }
    status.artefacts.push_back({FilmFolder::latents_name(scene), std::move(verdict.latents)});
    status.artefacts.push_back({FilmFolder::video_name(scene), std::move(verdict.video)});
    status.artefacts.push_back({FilmFolder::sheet_name(scene), std::move(verdict.sheet)});
  }
  Verdict joined = judge_film(film, journal);
  // The record speaks of the videos that were joined, not of what they ought to be by now.
  if (joined.fresh() && first_unfinished != 0) joined = {Freshness::stale, fmt::format("scene {} is to be made", first_unfinished)};
  status.artefacts.push_back({FilmFolder::film_name(), std::move(joined)});
  std::vector<ArtefactStatus> priors;
  for (const FilmPrior& prior : film.priors.all) priors.push_back({prior.link_name(), judge_prior(film, prior, needed.contains(&prior))});
  status.artefacts.insert(status.artefacts.begin() + static_cast<std::ptrdiff_t>(priors_at), priors.begin(), priors.end());
  status.notes = journal.notes();
  return status;
}

}  // namespace dreamrunner
