#include <memory>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "base/error.h"
#include "catalogue/clip_times.h"
#include "cli/command.h"
#include "cli/retrieval_lines.h"
#include "cli/setting_options.h"
#include "cli/terminal_text.h"
#include "film/retrieve_film.h"

namespace dreamrunner {
namespace {

/// Times of a catalogue are whole microseconds; every digit of them is told, since hours into a video six are too few.
std::string time_text(double seconds) { return format_clip_time(clip_time_of(seconds).value_or(0)); }

void tell_missing(const std::vector<WantedVideo>& wanted, Session& session) {
  if (session.json()) {
    for (const WantedVideo& one : wanted) {
      const Clip& clip = one.clip.clip;
      session.print_event({{"motion", one.motion}, {"id", clip.id}, {"source", clip.source}, {"start", clip.start_s}, {"end", clip.end_s ? Json(*clip.end_s) : Json(nullptr)},
                           {"bm25", one.clip.bm25}, {"caption", clip.caption}});
    }
    return;
  }
  for (const WantedVideo& one : wanted) {
    const Clip& clip = one.clip.clip;
    session.print(fmt::format("{}\t{}\t{}\t{}", printable(clip.source), time_text(clip.start_s), clip.end_s ? time_text(*clip.end_s) : "end", one.motion));
  }
}

void retrieve_and_tell(const RetrieveFilmRequest& request, Session& session) {
  RunContext& run = session.run("run the same command again to go on");
  const RetrieveFilmResult result = retrieve_film(request, open_engine, run);
  session.finish_progress();
  if (session.json()) {
    session.print_event({{"event", "done"}, {"folder", result.folder.string()}, {"catalogue", result.catalogue.string()}, {"motions", motions_json(result.motions)}, {"total_s", result.total_s}});
  } else {
    for (const MotionOutcome& motion : result.motions) {
      session.print(motion_line(motion));
      for (const std::string& note : motion.notes) session.print(fmt::format("  {}", printable(note)));
    }
    if (result.motions.empty()) session.print("no motion of the plan needs clips: the model knows them all, or [priors] known_motions says so");
  }
  std::vector<std::string> without;
  for (const MotionOutcome& motion : result.motions) {
    if (motion.kept == 0) without.push_back(motion.id);
  }
  if (!without.empty()) {
    throw Error(ErrorKind::input_file, fmt::format("{}: no clips are left for {}", printable(result.folder.string()), fmt::join(without, ", ")),
                "motions/ID/report.json says why each candidate was dropped (docs/retrieval.md, \"When nothing is found\")");
  }
}

}  // namespace

CommandBody attach_retrieve(CLI::App& app) {
  const auto request = std::make_shared<RetrieveFilmRequest>();
  const auto missing = std::make_shared<bool>(false);
  app.add_option("FILM", request->film, "the film's folder, or its film.toml")->required();
  app.add_option("--motion", request->motions, "only this motion, by its id, wanted by the plan or not; repeatable")->type_name("ID")->allow_extra_args(false);
  app.add_flag("--force", request->force, "retrieve anew what is fresh, edited or written by hand");
  app.add_flag("--missing", *missing, "only tell which videos are not there: source, start, end, motion; one clip a line");
  add_library_options(app, request->overrides.library);
  constexpr const char* kModel = "Instead of what film.toml says under [model]";
  app.add_option("--model", request->overrides.model, "a folder in the Hugging Face layout, a name in its cache, or playset")->type_name("NAME")->group(kModel);
  app.add_option("--device", request->overrides.device, "auto, cpu or cuda")->type_name("NAME")->group(kModel);
  return [request, missing](Session& session) {
    if (*missing) {
      tell_missing(wanted_videos(*request, session.run("run the same command again")), session);
    } else {
      retrieve_and_tell(*request, session);
    }
  };
}

}  // namespace dreamrunner
