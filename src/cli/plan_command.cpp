#include <unistd.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "base/error.h"
#include "cli/command.h"
#include "cli/plan_check.h"
#include "cli/plan_lines.h"
#include "cli/terminal_text.h"
#include "film/film_folder.h"
#include "film/plan_film.h"
#include "media/png.h"
#include "plan/load_plan.h"
#include "plan/plan_form.h"
#include "plan/preview.h"
#include "plan/reply_reader.h"
#include "story/plan_json.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

struct PlanOptions {
  PlanRequest request;
  bool check = false;
  bool preview = false;
  std::string parse;
  std::vector<std::string> silenced;
};

/// What `--parse` understood of a file: a plan, or a story that has no layout yet.
Json understood(const fs::path& file) {
  const std::string bytes = read_plan_file(file);
  const PlanForm form = plan_form(bytes);
  if (form.kind == PlanFormKind::plan || form.kind == PlanFormKind::authors_jsonl) return plan_to_json(load_plan(file));
  if (form.kind == PlanFormKind::scene) {
    Plan plan;
    plan.scenes.push_back(read_scene_reply(form.text, file.string()));
    return plan_to_json(plan);
  }
  Json json = {{"schema", kPlanSchema}, {"scenes", Json::array()}};
  for (const StoryScene& scene : read_story_reply(form.text, file.string()).scenes) {
    json["scenes"].push_back({{"place", scene.place}, {"motions", scene.motions}, {"narration", scene.narration}});
  }
  return json;
}

void parse_and_tell(const fs::path& file, Session& session) {
  const Json json = understood(file);
  const bool plan = !json["scenes"].empty() && json["scenes"][0].contains("key_frames");
  std::string text = plan ? format_plan_json(plan_from_json(json, file.string())) : json.dump(2) + "\n";
  text.pop_back();
  session.print(text);
}

std::string scenes_in_words(const std::vector<int>& scenes) {
  if (scenes.size() == 1) return fmt::format("scene {}", scenes.front());
  return fmt::format("scenes {} to {}", scenes.front(), scenes.back());
}

void tell(const PlanResult& result, Session& session) {
  if (session.json()) {
    session.print_event({{"event", "planned"}, {"plan", result.file.string()}, {"scenes", result.planned}, {"kept", result.before.kept() && result.planned.empty()},
                         {"reason", result.before.reason}});
    return;
  }
  const std::string file = printable(result.file.string());
  if (!result.planned.empty()) session.print(fmt::format("{}  {} planned", file, scenes_in_words(result.planned)));
  else if (result.before.kept()) session.print(fmt::format("{}: {}; kept as it is, --force plans it anew", file, result.before.reason));
  else if (result.before.standing == PlanStanding::by_hand) session.print(fmt::format("{} is written by hand; film.toml names no story or topic to plan from", file));
  else session.print(fmt::format("{} is up to date", file));
}

void preview_and_tell(const PlanResult& result, const FilmSettings& settings, Session& session, RunContext& run) {
  const Plan plan = load_plan(result.file);
  PreviewOptions options;
  if (settings.generate.width && settings.generate.height) {
    options.width = *settings.generate.width;
    options.height = *settings.generate.height;
  }
  options.linear = settings.generate.interpolation == "linear";
  fs::path sheet = result.file.parent_path() / "preview.png";
  fs::path video = result.file.parent_path() / "preview.mp4";
  write_png(sheet, draw_plan_preview(plan, options));
  write_plan_preview_video(video, plan, options, run);
  session.finish_progress();
  if (session.json()) {
    session.print_event({{"event", "preview"}, {"sheet", sheet.string()}, {"video", video.string()}});
    return;
  }
  if (::isatty(STDOUT_FILENO) == 1) {
    print_lines(plan_preview_text(plan, terminal_columns(STDOUT_FILENO, 80), options), session);
  }
  session.print(printable(sheet.string()));
  session.print(printable(video.string()));
}

void run_plan(const PlanOptions& options, Session& session) {
  const int ways = (options.check ? 1 : 0) + (options.preview ? 1 : 0) + (options.parse.empty() ? 0 : 1);
  if (ways > 1) throw Error(ErrorKind::usage, "--check, --preview and --parse go one at a time");
  const bool plans = options.request.scene || options.request.force;
  if (!options.silenced.empty() && !options.check) throw Error(ErrorKind::usage, "--silence names rules of --check", "add --check");
  if (!options.parse.empty()) {
    if (!options.request.film.empty()) throw Error(ErrorKind::usage, "--parse reads one file and no film", "leave FILM out");
    if (plans) throw Error(ErrorKind::usage, "--parse plans nothing: --scene and --force say what to plan");
    return parse_and_tell(options.parse, session);
  }
  if (options.request.film.empty()) throw Error(ErrorKind::usage, "FILM is required", "name a film's folder, or a file with --parse");
  if (options.check) {
    if (plans) throw Error(ErrorKind::usage, "--check plans nothing: --scene and --force say what to plan");
    return check_and_tell(options.request.film, options.silenced, session);
  }
  RunContext& run = session.run("run the same command again to go on");
  const PlanResult result = plan_film(options.request, run);
  if (!options.preview) session.finish_progress();
  tell(result, session);
  if (options.preview) preview_and_tell(result, load_film_settings(FilmFolder(options.request.film).settings_file()), session, run);
}

}  // namespace

CommandBody attach_plan(CLI::App& app) {
  const auto options = std::make_shared<PlanOptions>();
  app.add_option("FILM", options->request.film, "the film's folder, or its film.toml; with --check a plan file too");
  app.add_option("--scene", options->request.scene, "plan only this scene again, from 1")->type_name("K");
  app.add_flag("--force", options->request.force, "plan again what is up to date, or was edited by hand");
  app.add_flag("--check", options->check, "hold the plan against the rules of docs/lint.md and write nothing");
  app.add_option("--silence", options->silenced, "rules that --check does not ask, with commas between")->type_name("RULES")->delimiter(',');
  app.add_flag("--preview", options->preview, "draw the plan: preview.png and preview.mp4 beside it, and here on a terminal");
  app.add_option("--parse", options->parse, "print what is understood of a plan, a script or a model's reply as JSON")->type_name("FILE");
  return [options](Session& session) { run_plan(*options, session); };
}

}  // namespace dreamrunner
