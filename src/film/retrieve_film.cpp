#include "film/retrieve_film.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/stopwatch.h"
#include "film/motion_clips.h"
#include "film/plan_film.h"
#include "film/prior_settings.h"

namespace dreamrunner {
namespace {

/// The motions that need clips, in the plan's order.
std::vector<std::string> motions_wanted(const FilmProject& film, int first, int last) {
  const ModelPriors model = load_model_priors(film.settings.generate.model);
  std::set<PriorId> wanted;
  for (int scene = first; scene <= last; ++scene) wanted.merge(wanted_in(film.plan, film.scene(scene)));
  std::vector<std::string> ids;
  for (const Motion& motion : film.plan.motions) {
    if (!wanted.contains({PriorKind::motion, motion.id})) continue;
    if (is_known_motion(model, film.settings.priors, motion.id)) continue;
    if (has_own_prior(film.folder.root(), {PriorKind::motion, motion.id})) continue;
    ids.push_back(motion.id);
  }
  return ids;
}

bool is_needed(ClipsStanding standing) { return standing == ClipsStanding::missing || standing == ClipsStanding::stale; }

bool is_by_hand(const FilmProject& film, const std::string& id) { return is_listed_by_hand(film.folder.root() / "motions" / id); }

/// A film, its catalogue, and the motions that were asked for.
struct Asked {
  FilmProject film;
  ClipSource source;
  std::vector<std::string> motions;
};

Asked open(const RetrieveFilmRequest& request, RunContext& run) {
  plan_if_needed(request.film, run);
  Asked asked{read_film(request.film, request.overrides), {}, request.motions};
  FilmProject& film = asked.film;
  const std::string name = film.folder.root().string();
  if (!film.settings.library.use) throw Error(ErrorKind::usage, fmt::format("{}: [library] use is off, so nothing is retrieved", name), "remove `use = false` from film.toml");
  const auto source = find_clip_source(film);
  if (!source) {
    throw Error(ErrorKind::usage, fmt::format("{}: no catalogue of clips to look in", name),
                "name one: path under [library] in film.toml, or --library; `dreamrunner clips add` makes one (docs/retrieval.md)");
  }
  asked.source = *source;
  for (const std::string& id : asked.motions) check_id("--motion", id);
  if (asked.motions.empty()) asked.motions = motions_wanted(film, 1, film.scene_count());
  return asked;
}

}  // namespace

RetrieveFilmResult retrieve_film(const RetrieveFilmRequest& request, const EngineOpener& engine, RunContext& run) {
  const Stopwatch watch;
  Asked asked = open(request, run);
  RetrieveFilmResult result;
  result.folder = asked.film.folder.root();
  result.catalogue = asked.source.catalogue;
  if (!asked.motions.empty()) {
    MotionRetriever retriever(asked.film, asked.source, engine, run);
    // A film where nothing is to be done may lie in a folder that cannot be written.
    std::optional<FolderLock> lock;
    const auto needed = [&](const std::string& id) { return request.force || is_needed(retriever.judge(id)); };
    if (std::any_of(asked.motions.begin(), asked.motions.end(), needed)) {
      lock.emplace(asked.film.folder);
      asked.film.folder.sweep_temporaries();
    }
    for (const std::string& id : asked.motions) {
      run.check();
      result.motions.push_back(retriever.provide(id, request.force));
    }
  }
  result.total_s = watch.seconds();
  return result;
}

std::vector<WantedVideo> wanted_videos(const RetrieveFilmRequest& request, RunContext& run) {
  const Asked asked = open(request, run);
  const Catalogue catalogue(asked.source.catalogue);
  std::vector<WantedVideo> wanted;
  for (const std::string& id : asked.motions) {
    for (Candidate& clip : missing_candidates(catalogue, asked.film.settings.library.retrieval, motion_in_words(id))) wanted.push_back({id, std::move(clip)});
  }
  return wanted;
}

std::vector<MotionStanding> clip_standings(FilmProject& film) {
  std::vector<MotionStanding> standings;
  if (!film.settings.library.use || !film.settings.priors.use) return standings;
  const std::vector<std::string> wanted = motions_wanted(film, 1, film.scene_count());
  const bool all_by_hand = std::all_of(wanted.begin(), wanted.end(), [&](const std::string& id) { return is_by_hand(film, id); });
  std::optional<ClipSource> source;
  try {
    source = find_clip_source(film);
  } catch (const Error&) {
    // Lists of a person's own need no catalogue, not even one that film.toml names and that has gone.
    if (!all_by_hand) throw;
  }
  if (wanted.empty() || !source) return standings;
  RunContext quiet;
  const EngineOpener none = []() -> Engine& { throw Error(ErrorKind::bug, "an engine to look at a film"); };
  const MotionRetriever retriever(film, *source, none, quiet);
  for (const std::string& id : wanted) standings.emplace_back(id, retriever.judge(id));
  return standings;
}

std::vector<MotionOutcome> retrieve_if_needed(FilmProject& film, int first, int last, const EngineOpener& engine, RunContext& run) {
  std::vector<MotionOutcome> outcomes;
  if (!film.settings.library.use || !film.settings.priors.use) return outcomes;
  std::vector<std::string> wanted = motions_wanted(film, first, last);
  std::erase_if(wanted, [&](const std::string& id) { return is_by_hand(film, id); });
  if (wanted.empty()) return outcomes;
  const auto source = find_clip_source(film);
  if (!source) return outcomes;
  MotionRetriever retriever(film, *source, engine, run);
  std::vector<std::string> needed;
  for (const std::string& id : wanted) {
    if (is_needed(retriever.judge(id))) needed.push_back(id);
  }
  if (needed.empty()) return outcomes;
  const FolderLock lock(film.folder);
  film.folder.sweep_temporaries();
  for (const std::string& id : needed) {
    run.check();
    outcomes.push_back(retriever.provide(id, false));
    for (const std::string& note : outcomes.back().notes) run.report().note(fmt::format("motion {}: {}", id, note));
  }
  return outcomes;
}

}  // namespace dreamrunner
