#include "film/prior_provider.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/stopwatch.h"
#include "stages/model_location.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// For people who look into a library: names instead of hashes.
Json about(const FilmPrior& prior, const FilmProject& film) {
  Json files = Json::array();
  for (const PriorExample& example : prior.examples) files.push_back({{"file", example.file.filename().string()}, {"caption", example.caption}});
  return {{"kind", prior_kind_name(prior.kind)}, {"name", prior.name}, {"model", model_name(film.settings.generate.model)}, {"files", files}};
}

}  // namespace

const char* prior_source_name(PriorSource source) {
  switch (source) {
    case PriorSource::learnt: return "learnt";
    case PriorSource::reused: return "reused";
    case PriorSource::own_file: return "own file";
  }
  return "reused";
}

PriorProvider::PriorProvider(const FilmProject& film, const EngineOpener& engine, RunContext& run, ProvideOptions options)
    : film_(film), engine_(engine), run_(run), options_(options), library_(prior_library_folder(film.folder.root(), film.settings.priors.library)) {}

PriorOutcome PriorProvider::provide(const FilmPrior& prior) const {
  const Stopwatch watch;
  PriorOutcome outcome{.id = {prior.kind, prior.id}, .name = prior.name, .hash = prior.hash, .examples = prior.examples.size(), .learning = {}};
  if (prior.is_own()) {
    outcome.source = PriorSource::own_file;
    outcome.file = prior.own_file;
    const std::string doubt = prior.other_base.empty() ? "" : fmt::format(", though it was {}", prior.other_base);
    run_.report().note(fmt::format("{}: {} is a file of your own; it is used as it is{}", prior.label(), prior.link_name(), doubt));
  } else {
    outcome.file = library_.file(prior.hash);
    if (options_.force || library_.look(prior.hash) != PriorLibrary::State::sound) learn(prior, outcome);
    link(prior);
  }
  outcome.seconds = watch.seconds();
  return outcome;
}

void PriorProvider::learn(const FilmPrior& prior, PriorOutcome& outcome) const {
  const std::string& key = prior.hash;
  run_.check();
  const PriorLock lock(library_, key, prior.label(), options_.wait, run_);
  library_.sweep_temporaries(key);
  const PriorLibrary::State state = library_.look(key);
  if (state == PriorLibrary::State::sound && !options_.force) return;  // Whoever held the lock learnt it.
  // A sound one that is learnt again by force stays until the new one takes its place: learning may fail, and other films
  // use it.
  if (state == PriorLibrary::State::damaged) {
    const fs::path kept = library_.retire(key);
    const std::string what = kept.empty() ? "it is gone;" : fmt::format("its bytes are not those of its record; kept as {} and", kept.filename().string());
    run_.report().note(fmt::format("{}: {}: {} learnt again", prior.label(), library_.file(key).string(), what));
  }
  make_folders(library_.work(key));
  make_folders(library_.cache());
  outcome.learning = engine_().learn(request_for(prior), run_);
  outcome.source = PriorSource::learnt;
  refuse_changed_examples(prior);
  library_.record(key, prior.inputs, about(prior, film_));
}

// Other films trust the key.
void PriorProvider::refuse_changed_examples(const FilmPrior& prior) const {
  for (size_t i = 0; i < prior.examples.size(); ++i) {
    const fs::path& file = prior.examples[i].file;
    if (sha256_of_file(file) == prior.inputs["examples"][i]["sha256"].get<std::string>()) continue;
    std::error_code ignored;
    fs::remove(library_.file(prior.hash), ignored);
    throw Error(ErrorKind::input_file, fmt::format("{}: was changed while {} was learnt from it", file.string(), prior.label()), "run it again");
  }
}

LearnRequest PriorProvider::request_for(const FilmPrior& prior) const {
  LearnRequest request;
  request.kind = prior.kind;
  request.name = prior.name;
  request.model = film_.settings.generate.model;
  request.examples = prior.examples;
  request.recipe = prior.recipe;
  request.seed = film_.settings.priors.seed;
  request.device = film_.settings.generate.device;
  request.dtype = film_.settings.generate.dtype;
  request.output = library_.file(prior.hash);
  request.work = library_.work(prior.hash);
  request.cache = library_.cache();
  request.base = film_.model_fingerprint;
  request.label = prior.label();
  request.sample_every = options_.sample_every;
  request.sample_prompt = options_.sample_prompt;
  if (options_.sample_every > 0) request.samples = (film_.folder.root() / prior.link_name()).parent_path() / "samples";
  request.facts = {{"key", prior.hash}, {"examples", fmt::to_string(prior.examples.size())}};
  for (size_t i = 0; i < prior.examples.size(); ++i) {
    request.facts.emplace_back(fmt::format("example_{}", i), prior.inputs["examples"][i]["sha256"].get<std::string>());
  }
  return request;
}

void PriorProvider::link(const FilmPrior& prior) const {
  const fs::path place = film_.folder.root() / prior.link_name();
  make_folders(place.parent_path());
  fs::path target = library_.file(prior.hash);
  std::error_code code;
  // A library that film.toml names relative to the film moves along with it.
  if (!film_.settings.priors.library.empty() && fs::path(film_.settings.priors.library).is_relative()) {
    target = fs::relative(target, place.parent_path(), code);
    if (code || target.empty()) target = library_.file(prior.hash);
  }
  if (fs::is_symlink(place, code) && fs::read_symlink(place, code) == target) return;
  if (!fs::exists(fs::symlink_status(place, code))) {
    fs::create_symlink(target, place, code);  // Never takes the place of a file.
    if (!code) return sync_folder(place.parent_path());
  }
  // Learning takes minutes: a file may have come meanwhile.
  if (has_own_prior(film_.folder.root(), {prior.kind, prior.id})) {
    run_.report().note(fmt::format("{}: {} is a file of your own by now; it stays, and is used from the next run on", prior.label(), prior.link_name()));
    return;
  }
  const fs::path temporary = temporary_beside(place);
  fs::create_symlink(target, temporary, code);
  if (!code) fs::rename(temporary, place, code);
  if (code) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    // The link is for people; scenes read the library.
    if (code == std::errc::operation_not_permitted || code == std::errc::operation_not_supported || code == std::errc::function_not_supported) {
      run_.report().note(fmt::format("{}: the file system has no links; what was learnt is {}", prior.link_name(), library_.file(prior.hash).string()));
      return;
    }
    throw Error(ErrorKind::storage, fmt::format("{}: cannot be made a link to {}: {}", place.string(), target.string(), code.message()));
  }
  sync_folder(place.parent_path());
}

}  // namespace dreamrunner
