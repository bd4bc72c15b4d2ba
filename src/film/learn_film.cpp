#include "film/learn_film.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/stopwatch.h"
#include "film/plan_film.h"

namespace dreamrunner {
namespace {

FilmPrior named_motion(const FilmProject& film, const PriorGatherer& gatherer, const std::string& id) {
  check_id("--motion", id);
  if (const FilmPrior* prior = film.priors.find({PriorKind::motion, id})) return *prior;
  std::string why_not;
  if (auto prior = gatherer.motion(id, why_not)) return *prior;
  throw Error(ErrorKind::input_file, fmt::format("motion {}: nothing to learn it from: {}", id, why_not), "docs/priors.md says how to list clips");
}

FilmPrior named_character(const FilmProject& film, const PriorGatherer& gatherer, const std::string& id) {
  if (const FilmPrior* prior = film.priors.find({PriorKind::subject, id})) return *prior;
  std::vector<std::string_view> known;
  for (const FilmCharacter& entry : film.settings.characters) {
    known.push_back(entry.character.id);
    if (entry.character.id != id) continue;
    std::string why_not;
    if (auto prior = gatherer.subject(entry, why_not)) return *prior;
    throw Error(ErrorKind::input_file, fmt::format("character {}: nothing to learn it from: {}", id, why_not), "`pictures` in its [[character]] names some");
  }
  const std::string near = nearest_word(id, known);
  throw Error(ErrorKind::usage, fmt::format("--character: film.toml has no character \"{}\"", id),
              !near.empty() ? fmt::format("did you mean \"{}\"?", near) : known.empty() ? "it has no [[character]]" : fmt::format("it has {}", fmt::join(known, ", ")));
}

}  // namespace

void refuse_missing(const std::filesystem::path& film, const std::vector<std::string>& missing, bool strict) {
  if (!strict || missing.empty()) return;
  throw Error(ErrorKind::input_file, fmt::format("{}: {}", film.string(), fmt::join(missing, "; ")), "without --strict the film is made without these priors");
}

LearnFilmResult learn_film(const LearnFilmRequest& request, const EngineOpener& engine, RunContext& run) {
  const Stopwatch watch;
  plan_if_needed(request.film, run);
  FilmProject film = open_film(request.film, request.overrides);
  LearnFilmResult result;
  result.folder = film.folder.root();
  std::vector<FilmPrior> priors;
  if (request.motions.empty() && request.characters.empty()) {
    priors = film.priors.all;
    std::set<PriorId> wanted;
    for (const Scene& scene : film.plan.scenes) wanted.merge(wanted_in(film.plan, scene));
    result.missing = missing_in_words(film.priors, wanted);
    refuse_missing(result.folder, result.missing, request.strict);
    if (priors.empty()) {
      throw Error(ErrorKind::input_file, fmt::format("{}: nothing to learn from: no character has pictures, and no motion of the plan has clips", result.folder.string()),
                  "docs/priors.md says where to put them");
    }
  } else {
    const PriorGatherer gatherer(film.folder.root(), film.settings, film.model_fingerprint, film.hashes);
    for (const std::string& id : request.motions) priors.push_back(named_motion(film, gatherer, id));
    for (const std::string& id : request.characters) priors.push_back(named_character(film, gatherer, id));
  }
  const FolderLock lock(film.folder);
  film.folder.sweep_temporaries();
  film.hashes.save();
  for (const std::string& line : result.missing) run.report().note(line);
  const PriorProvider provider(film, engine, run, request.options);
  result.library = provider.library().root();
  for (const FilmPrior& prior : priors) {
    run.check();
    result.priors.push_back(provider.provide(prior));
  }
  result.total_s = watch.seconds();
  return result;
}

}  // namespace dreamrunner
