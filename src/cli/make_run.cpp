#include "cli/make_run.h"

#include <filesystem>

#include <fmt/format.h>

#include "cli/prior_report.h"
#include "cli/retrieval_lines.h"
#include "cli/terminal_text.h"
#include "film/film_folder.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// A path as short as it can be written from the working folder.
std::string short_path(const fs::path& path) {
  std::error_code code;
  const fs::path relative = fs::proximate(path, code);
  const std::string text = code ? path.string() : relative.string();
  return text.starts_with("../../") ? path.string() : text;
}

Json done_event(const MakeResult& result) {
  Json event = {{"event", "done"}, {"folder", result.folder.string()}};
  if (!result.film.empty()) {
    event["film"] = result.film.string();
    event["joined"] = result.joined;
  }
  if (!result.motions.empty()) event["motions"] = motions_json(result.motions);
  if (!result.priors.empty()) event["priors"] = priors_json(result.priors);
  event["scenes"] = Json::array();
  for (const SceneOutcome& scene : result.scenes) {
    event["scenes"].push_back({{"scene", scene.scene},
                               {"latents", (result.folder / FilmFolder::latents_name(scene.scene)).string()},
                               {"video", (result.folder / FilmFolder::video_name(scene.scene)).string()},
                               {"sheet", (result.folder / FilmFolder::sheet_name(scene.scene)).string()},
                               {"denoised", scene.denoised},
                               {"video_written", scene.video},
                               {"sheet_written", scene.sheet},
                               {"denoise_s", scene.denoise_s},
                               {"decode_s", scene.decode_s}});
  }
  if (result.format) {
    event["format"] = {{"num_frames", result.format->num_frames}, {"height", result.format->height}, {"width", result.format->width},
                       {"device", result.format->device},         {"dtype", result.format->dtype},   {"sampler", result.format->sampler}};
  }
  event["total_s"] = result.total_s;
  return event;
}

void tell(const MakeResult& result, const Session& session) {
  for (const MotionOutcome& motion : result.motions) session.print(motion_line(motion));
  for (const PriorOutcome& prior : result.priors) session.print(prior_line(prior));
  bool anything = result.joined;
  for (const SceneOutcome& scene : result.scenes) {
    if (scene.nothing()) continue;
    anything = true;
    std::string line = fmt::format("scene {}:", scene.scene);
    if (scene.denoised) line += fmt::format(" denoised in {},", format_duration(scene.denoise_s));
    line += fmt::format(" pictures in {}  {}", format_duration(scene.decode_s),
                        short_path(result.folder / FilmFolder::sheet_name(scene.scene)));
    session.print(line);
  }
  const fs::path made = !result.film.empty()     ? result.film
                        : !result.scenes.empty() ? result.folder / FilmFolder::video_name(result.scenes.front().scene)
                                                 : result.folder;
  if (!anything) {
    session.print(fmt::format("{} is up to date", short_path(made)));
    return;
  }
  std::string line = fmt::format("{}  made in {}", short_path(made), format_duration(result.total_s));
  if (result.format) {
    line += fmt::format(": scenes of {} pictures, {} x {}, {} on {}", result.format->num_frames, result.format->width,
                        result.format->height, result.format->dtype, result.format->device);
  }
  session.print(line);
}

}  // namespace

void make_and_tell(const MakeRequest& request, Session& session) {
  RunContext& run = session.run("run the same command again to go on");
  const MakeResult result = make_film(request, open_engine, run);
  session.finish_progress();
  if (session.json()) {
    session.print_event(done_event(result));
  } else {
    tell(result, session);
  }
}

}  // namespace dreamrunner
