#include "film/make_film.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/stopwatch.h"
#include "film/film_project.h"
#include "film/freshness.h"
#include "film/keep_aside.h"
#include "film/learn_film.h"
#include "film/plan_film.h"
#include "film/records.h"
#include "film/scene_sheet.h"
#include "media/contact_sheet.h"
#include "media/png.h"
#include "media/video_join.h"
#include "media/video_writer.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// One run over a film whose folder is locked.
class Maker {
 public:
  Maker(const FilmProject& film, const EngineOpener& engine, bool wait, RunContext& run)
      : film_(film), engine_(engine), wait_(wait), run_(run), journal_(film.folder.journal_file()) {
    for (const std::string& note : journal_.notes()) run_.report().note(note);
  }

  void make_scenes(int first, int last, MakeResult& result) {
    std::vector<SceneVerdict> verdicts;
    bool engine_needed = false;
    for (int scene = first; scene <= last; ++scene) {
      verdicts.push_back(judge_scene(film_, journal_, scene));
      engine_needed = engine_needed || !verdicts.back().fresh();
    }
    provide_priors(first, verdicts, result);
    if (engine_needed) open_generator(first, verdicts, result);
    for (int scene = first; scene <= last; ++scene) {
      result.scenes.push_back(make_scene(scene, verdicts[static_cast<size_t>(scene - first)]));
    }
  }

  bool join() {
    const Verdict verdict = judge_film(film_, journal_);
    if (verdict.fresh()) return false;
    run_.check();
    std::vector<fs::path> parts;
    std::vector<std::string> videos;
    for (int scene = 1; scene <= film_.scene_count(); ++scene) {
      parts.push_back(path_of(FilmFolder::video_name(scene)));
      videos.push_back(recorded_sha256(journal_, FilmFolder::video_name(scene)));
    }
    run_.report().begin("joining the film", 1);
    begin_artefact(FilmFolder::film_name(), verdict);
    VideoOptions options;
    options.metadata = {{"title", film_.title()}, {"seed", fmt::to_string(film_.settings.seed)}, {"program", program_name()}};
    join_videos(parts, path_of(FilmFolder::film_name()), options, run_);
    record(FilmFolder::film_name(), film_inputs(film_, videos));
    run_.report().end();
    return true;
  }

 private:
  static std::string program_name() { return "dreamrunner " DREAMRUNNER_VERSION; }
  static std::string label(int scene) { return fmt::format("scene {}", scene); }
  fs::path path_of(const std::string& name) const { return film_.folder.root() / name; }

  /// Sees to the priors of the scenes to denoise; those of finished scenes may be missing by now.
  void provide_priors(int first, const std::vector<SceneVerdict>& verdicts, MakeResult& result) {
    std::set<PriorId> wanted;
    std::vector<const FilmPrior*> acting;
    for (size_t i = 0; i < verdicts.size(); ++i) {
      if (verdicts[i].latents.fresh()) continue;
      const int scene = first + static_cast<int>(i);
      wanted.merge(wanted_in(film_.plan, film_.scene(scene)));
      for (const std::string& line : uncalled_in_words(film_.priors, film_.plan, film_.scene(scene))) run_.report().note(fmt::format("{}: {}", label(scene), line));
      for (const SceneBinding& binding : film_.bindings(scene)) {
        if (std::find(acting.begin(), acting.end(), binding.prior) == acting.end()) acting.push_back(binding.prior);
      }
    }
    for (const std::string& line : missing_in_words(film_.priors, wanted)) run_.report().note(line);
    if (acting.empty()) return;
    const PriorProvider provider(film_, engine_, run_, {.force = false, .wait = wait_});
    for (const FilmPrior* prior : acting) {
      run_.check();
      result.priors.push_back(provider.provide(*prior));
      prior_file_[prior] = result.priors.back().file;
    }
  }

  SceneJob job(int scene) const {
    SceneJob job{film_.scene(scene), film_.seed(scene), label(scene), {}};
    for (const SceneBinding& binding : film_.bindings(scene)) {
      job.priors.push_back({prior_file_.at(binding.prior), binding.prior->weight, binding.places, film_.settings.lora_scope == "global"});
    }
    return job;
  }

  /// Hands the engine the scenes to denoise and no others: each of their texts costs time.
  void open_generator(int first, const std::vector<SceneVerdict>& verdicts, MakeResult& result) {
    std::vector<SceneJob> jobs;
    for (size_t i = 0; i < verdicts.size(); ++i) {
      const int scene = first + static_cast<int>(i);
      if (verdicts[i].latents.fresh()) continue;
      job_of_scene_[scene] = jobs.size();
      jobs.push_back(job(scene));
    }
    run_.check();
    generator_ = engine_().open_scenes(film_.settings.generate, jobs, run_);
    result.format = generator_->format();
  }

  SceneOutcome make_scene(int scene, SceneVerdict verdict) {
    SceneOutcome outcome;
    outcome.scene = scene;
    const std::string latents = FilmFolder::latents_name(scene);
    if (!verdict.latents.fresh()) {
      run_.check();
      const Stopwatch watch;
      denoise(scene, latents, verdict.latents);
      outcome.denoised = true;
      outcome.denoise_s = watch.seconds();
      // The same numbers again (a deleted file, say) leave what was made from them fresh.
      verdict = judge_scene(film_, journal_, scene);
    }
    if (!verdict.fresh()) {
      run_.check();
      const Stopwatch watch;
      const SceneFrames frames = generator_->decode(path_of(latents), label(scene), run_);
      outcome.video = write_if_needed(FilmFolder::video_name(scene), verdict.video,
                                      video_inputs(film_, scene, recorded_sha256(journal_, latents)),
                                      [&](const fs::path& path) { write_scene_video(scene, frames, path); });
      outcome.sheet = write_if_needed(FilmFolder::sheet_name(scene), verdict.sheet,
                                      sheet_inputs(film_, scene, recorded_sha256(journal_, latents)),
                                      [&](const fs::path& path) { write_scene_sheet(scene, frames, path); });
      outcome.decode_s = watch.seconds();
    }
    return outcome;
  }

  /// Under another name until it is done: minutes of work that a stopped run must not cost are there already, perhaps.
  void denoise(int scene, const std::string& latents, const Verdict& verdict) {
    const fs::path path = path_of(latents);
    make_folders(path.parent_path());
    const fs::path coming = temporary_beside(path);
    try {
      generator_->denoise(job_of_scene_.at(scene), coming, run_);
      begin_artefact(latents, verdict);
      commit_file(coming, path);
    } catch (...) {
      std::error_code ignored;
      fs::remove(coming, ignored);
      throw;
    }
    record(latents, latents_inputs(film_, scene));
  }

  void write_scene_video(int scene, const SceneFrames& frames, const fs::path& path) const {
    VideoOptions options;
    options.rate = frame_rate_from(film_.settings.fps.value_or(frames.fps));
    options.metadata = {{"title", label(scene)},
                        {"prompt", film_.scene(scene).background},
                        {"seed", fmt::to_string(film_.seed(scene))},
                        {"program", program_name()}};
    write_video(path, {frames.frames, frames.height, frames.width, frames.pixels.data()}, options, run_);
  }

  void write_scene_sheet(int scene, const SceneFrames& frames, const fs::path& path) const {
    const SheetFacts facts{scene, film_.seed(scene), film_.settings.fps.value_or(frames.fps)};
    const FramesView view{frames.frames, frames.height, frames.width, frames.pixels.data()};
    write_png(path, draw_contact_sheet(scene_sheet(film_.scene(scene), view, facts)));
  }

  template <typename Write>
  bool write_if_needed(const std::string& name, const Verdict& verdict, const Json& inputs, Write&& write) {
    if (verdict.fresh()) return false;
    begin_artefact(name, verdict);
    write(path_of(name));
    record(name, inputs);
    return true;
  }

  /// Before `name` is made: keeps bytes that the program did not write for a person to look at, and takes the old record out
  /// of force.
  void begin_artefact(const std::string& name, const Verdict& verdict) {
    const fs::path path = path_of(name);
    make_folders(path.parent_path());
    const std::string why = verdict.freshness == Freshness::damaged ? verdict.reason : difference_from_record(film_.folder, journal_, name);
    if (!why.empty()) {
      const fs::path kept = keep_aside(path);
      run_.report().note(fmt::format("{}: {}; kept as {} and made again", name, why, kept.filename().string()));
    }
    journal_.retire(name);
  }

  /// After `name` is complete on the disk under its name.
  void record(const std::string& name, const Json& inputs) {
    const fs::path path = path_of(name);
    std::error_code code;
    const uint64_t size = fs::file_size(path, code);
    if (code) throw Error(ErrorKind::storage, fmt::format("{}: {}", path.string(), code.message()));
    journal_.append({name, key_of(inputs), sha256_of_file(path), size, DREAMRUNNER_VERSION, inputs});
  }

  const FilmProject& film_;
  const EngineOpener& engine_;
  bool wait_;
  RunContext& run_;
  Journal journal_;
  std::unique_ptr<SceneGenerator> generator_;
  std::map<int, size_t> job_of_scene_;
  std::map<const FilmPrior*, fs::path> prior_file_;
};

/// A prior of another model may do nothing, or harm: a guess that --strict does not make.
void refuse_foreign(const FilmProject& film, int first, int last) {
  std::vector<std::string> lines;
  for (int scene = first; scene <= last; ++scene) {
    for (std::string& line : foreign_in_words(film.priors, film.plan, film.scene(scene))) {
      if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(std::move(line));
    }
  }
  if (lines.empty()) return;
  throw Error(ErrorKind::input_file, fmt::format("{}: {}", film.folder.root().string(), fmt::join(lines, "; ")),
              "take the file away and have it learnt on this model; without --strict it is used as it is");
}

}  // namespace

MakeResult make_film(const MakeRequest& request, const EngineOpener& engine, RunContext& run) {
  const Stopwatch watch;
  plan_if_needed(request.film, run);
  FilmProject film = read_film(request.film, request.overrides, request.scene);
  const int first = request.scene.value_or(1);
  const int last = request.scene.value_or(film.scene_count());
  MakeResult result;
  result.motions = retrieve_if_needed(film, first, last, engine, run);
  gather_priors(film);
  if (request.strict) {
    std::set<PriorId> wanted;
    for (int scene = first; scene <= last; ++scene) wanted.merge(wanted_in(film.plan, film.scene(scene)));
    refuse_missing(film.folder.root(), missing_in_words(film.priors, wanted), true);
    refuse_foreign(film, first, last);
  }
  const FolderLock lock(film.folder);
  film.folder.sweep_temporaries();
  film.hashes.save();
  Maker maker(film, engine, request.wait, run);
  result.folder = film.folder.root();
  maker.make_scenes(first, last, result);
  if (!request.scene) {
    result.joined = maker.join();
    result.film = film.folder.root() / FilmFolder::film_name();
  }
  result.total_s = watch.seconds();
  return result;
}

}  // namespace dreamrunner
