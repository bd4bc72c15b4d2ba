#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "base/error.h"
#include "catalogue/catalogue.h"
#include "catalogue/catalogue_change.h"
#include "cli/command.h"
#include "cli/terminal_text.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// Hits that a person reads when --top is not given; scripts get the paper's 400.
constexpr int64_t kTopForPeople = 20;
constexpr int64_t kTopForPrograms = 400;

struct ClipsOptions {
  AddRequest add;
  std::string format = "auto";
  std::string analyzer;
  fs::path catalogue;
  std::string query;
  std::optional<int64_t> top;
  Bm25Settings bm25;
  std::vector<std::string> ids;
};

Json json_of(const Clip& clip) {
  Json json = {{"id", clip.id}, {"row", clip.row}, {"source", clip.source}};
  if (!clip.listed_path.empty()) json["path"] = clip.listed_path;
  json["video"] = clip.video ? Json(clip.video->string()) : Json(nullptr);
  json["missing"] = !clip.video;
  json["start_s"] = clip.start_s;
  if (clip.end_s) json["end_s"] = *clip.end_s;
  json["caption"] = clip.caption;
  if (clip.width > 0) json["width"] = clip.width;
  if (clip.height > 0) json["height"] = clip.height;
  if (!clip.extra.empty()) json["more"] = clip.extra;
  return json;
}

/// The same with the span in one line, where a report would round its times to tenths.
Json for_people(const Json& clip) {
  Json json = Json::object();
  for (const auto& [name, value] : clip.items()) {
    if (name == "missing" || name == "end_s") continue;
    if (name == "video" && value.is_null()) {
      json[name] = "missing";
    } else if (name == "start_s") {
      const std::string end = clip.contains("end_s") ? fmt::format("{:.6g} s", clip["end_s"].get<double>()) : "the end of the video";
      json["span"] = fmt::format("{:.6g} s to {}", value.get<double>(), end);
    } else {
      json[name] = value;
    }
  }
  return json;
}

void tell(const AddReport& report, const ClipsOptions& options, Session& session) {
  if (session.json()) {
    session.print_event({{"event", "added"}, {"catalogue", options.add.folder.string()}, {"format", caption_format_name(report.format)}, {"rows", report.rows},
                         {"added", report.added}, {"known", report.known}, {"bad", report.bad}, {"without_words", report.without_words}, {"faults", report.faults}});
    return;
  }
  std::string line = fmt::format("{}  {} clips added", printable(options.add.folder.string()), format_count(static_cast<int64_t>(report.added)));
  if (report.known > 0) line += fmt::format(", {} were there already", format_count(static_cast<int64_t>(report.known)));
  if (report.bad > 0) line += fmt::format(", {} bad rows skipped", format_count(static_cast<int64_t>(report.bad)));
  session.print(line);
  if (report.without_words > 0) {
    session.print(fmt::format("{} of the added captions hold no word; no query finds them", format_count(static_cast<int64_t>(report.without_words))));
  }
}

void run_add(ClipsOptions& options, Session& session) {
  options.add.format = caption_format_named(options.format);
  if (!options.analyzer.empty()) options.add.analyzer = analyzer_named(options.analyzer);
  RunContext& run = session.run("nothing was added; run the same command again");
  const AddReport report = add_clips(options.add, run);
  session.finish_progress();
  tell(report, options, session);
}

/// Why so little was found, for people.
std::string nothing_found(const Catalogue& catalogue, const std::string& query) {
  if (catalogue.rows() == 0) return fmt::format("{} has no clips", printable(catalogue.folder().string()));
  const auto words = catalogue.words_of(query);
  if (words.empty()) return "nothing found: the query has no word";
  std::vector<std::string> names;
  for (const auto& [word, rows] : words) names.push_back("\"" + printable(word) + "\"");
  return fmt::format("nothing found: no caption holds {}", fmt::join(names, " or "));
}

void print_hits(const Catalogue& catalogue, const std::vector<ClipHit>& hits, const ClipsOptions& options, Session& session) {
  std::vector<Clip> clips;
  int id_width = 2;
  for (const ClipHit& hit : hits) {
    clips.push_back(catalogue.clip(hit.row));
    id_width = std::max(id_width, std::min(text_width(printable(clips.back().id)), 36));
  }
  const int caption_width = std::max(terminal_columns(STDOUT_FILENO, 100) - id_width - 18, 20);
  session.print(fmt::format("{:>7}  {}{}  {:<7}  {}", "score", "id", std::string(static_cast<size_t>(id_width - 2), ' '), "video", "caption"));
  for (size_t i = 0; i < hits.size(); ++i) {
    const std::string id = fit_width(printable(clips[i].id), id_width);
    const std::string gap(static_cast<size_t>(id_width - text_width(id)), ' ');
    session.print(fmt::format("{:>7.4f}  {}{}  {:<7}  {}", hits[i].score, id, gap, clips[i].video ? "there" : "missing", fit_width(one_line(clips[i].caption), caption_width)));
  }
  std::vector<std::string> unknown;
  for (const auto& [word, rows] : catalogue.words_of(options.query)) {
    if (rows == 0) unknown.push_back("\"" + printable(word) + "\"");
  }
  if (!unknown.empty()) session.print(fmt::format("no caption holds {}", fmt::join(unknown, " or ")));
}

void run_search(const ClipsOptions& options, Session& session) {
  const int64_t top = options.top.value_or(session.json() ? kTopForPrograms : kTopForPeople);
  if (top < 1) throw Error(ErrorKind::usage, fmt::format("--top: found {}, 1 or more expected", top));
  const Catalogue catalogue(options.catalogue);
  const std::vector<ClipHit> hits = catalogue.search(options.query, static_cast<size_t>(top), options.bm25);
  if (session.json()) {
    for (const ClipHit& hit : hits) {
      const Clip clip = catalogue.clip(hit.row);
      session.print_event({{"id", clip.id}, {"score", hit.score}, {"caption", clip.caption}, {"row", hit.row}, {"missing", !clip.video}});
    }
    return;
  }
  if (hits.empty()) session.print(nothing_found(catalogue, options.query));
  else print_hits(catalogue, hits, options, session);
}

void run_show(const ClipsOptions& options, Session& session) {
  const Catalogue catalogue(options.catalogue);
  for (const std::string& id : options.ids) {
    const std::vector<uint64_t> rows = catalogue.rows_with_id(id);
    if (rows.empty()) {
      throw Error(ErrorKind::input_file, fmt::format("{}: no clip has the id {}", options.catalogue.string(), id), "`dreamrunner clips search` prints ids");
    }
    for (const uint64_t row : rows) {
      const Json json = json_of(catalogue.clip(row));
      if (session.json()) {
        session.print_event(json);
        continue;
      }
      if (row != rows.front() || &id != &options.ids.front()) session.print("");
      session.print_report(for_people(json));
    }
  }
}

void run_remove(const ClipsOptions& options, Session& session) {
  const uint64_t removed = remove_clips(options.catalogue, options.ids);
  if (session.json()) session.print_event({{"event", "removed"}, {"clips", removed}});
  else session.print(fmt::format("{}  {} clips removed", printable(options.catalogue.string()), removed));
}

void run_stats(const ClipsOptions& options, Session& session) {
  const Catalogue catalogue(options.catalogue);
  const CatalogueStats stats = catalogue.stats(session.run("run the same command again"));
  session.finish_progress();
  Json folders = Json::array();
  for (const fs::path& folder : stats.video_folders) folders.push_back(folder.string());
  const double mean = stats.clips + stats.removed == 0 ? 0 : static_cast<double>(stats.words) / static_cast<double>(stats.clips + stats.removed);
  session.print_report({{"clips", stats.clips}, {"removed", stats.removed}, {"videos_there", stats.videos_there}, {"videos_missing", stats.videos_missing},
                        {"video_folders", folders}, {"words_a_caption", std::round(mean * 100) / 100}, {"longest_caption", stats.longest},
                        {"captions_without_words", stats.without_words}, {"analyzer", analyzer_name(stats.analyzer)}, {"segments", stats.segments},
                        {"size_bytes", stats.bytes}});
}

/// A command below `clips`. Options of the catalogue come before or behind; `--json` is one of `clips` itself.
CLI::App* add_action(CLI::App& app, const char* name, const char* summary) {
  CLI::App* action = app.add_subcommand(name, summary);
  action->fallthrough();
  return action;
}

void needs_catalogue(CLI::App& action, ClipsOptions& options) {
  action.add_option("--catalogue", options.catalogue, "the catalogue's folder")->type_name("DIR")->required();
}

}  // namespace

CommandBody attach_clips(CLI::App& app) {
  const auto options = std::make_shared<ClipsOptions>();
  app.require_subcommand(0, 1);

  CLI::App* add = add_action(app, "add", "add a list of clips, or a folder of videos with a .txt beside each");
  add->add_option("DIR", options->add.folder, "the catalogue's folder, made when it is not there")->required();
  add->add_option("--from", options->add.from, "InternVid's or other JSON lines, a CSV as WebVid's, or a folder")->type_name("FILE")->required();
  add->add_option("--videos", options->add.videos, "where the videos lie, or will lie; default: beside the list")->type_name("FOLDER");
  add->add_option("--format", options->format, "auto, internvid, webvid, jsonl or folder")->type_name("NAME")->capture_default_str();
  add->add_option("--analyzer", options->analyzer, "of a new catalogue: plain, or english (words by their stems)")->type_name("NAME");
  add->add_flag("--allow-bad-rows", options->add.allow_bad_rows, "go on when more than 1 % of the rows are bad");

  CLI::App* search = add_action(app, "search", "find clips by the words of their captions (BM25)");
  search->add_option("QUERY", options->query, "such as \"person is bowing\"")->required();
  needs_catalogue(*search, *options);
  search->add_option("--top", options->top, "how many at most; default: 20, with --json 400")->type_name("N");
  search->add_option("--k1", options->bm25.k1, "how slowly repeats of a word saturate")->type_name("X")->capture_default_str();
  search->add_option("--b", options->bm25.b, "how much long captions are held back, 0 to 1")->type_name("X")->capture_default_str();

  CLI::App* show = add_action(app, "show", "all that is known of a clip");
  show->add_option("ID", options->ids, "as search prints it; `--` in front of one that begins with a dash")->required();
  needs_catalogue(*show, *options);

  CLI::App* remove = add_action(app, "remove", "take clips out of a catalogue; videos are not touched");
  remove->add_option("ID", options->ids, "as search prints it; `--` in front of one that begins with a dash")->required();
  needs_catalogue(*remove, *options);

  CLI::App* stats = add_action(app, "stats", "how many clips, words and videos there are");
  needs_catalogue(*stats, *options);

  return [=](Session& session) {
    if (add->parsed()) run_add(*options, session);
    else if (search->parsed()) run_search(*options, session);
    else if (show->parsed()) run_show(*options, session);
    else if (remove->parsed()) run_remove(*options, session);
    else if (stats->parsed()) run_stats(*options, session);
    else throw Error(ErrorKind::usage, "clips: one of add, search, show, remove, stats expected", "see `dreamrunner clips --help`");
  };
}

}  // namespace dreamrunner
