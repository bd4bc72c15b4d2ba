#include "film/plan_film.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/path_kind.h"
#include "film/freshness.h"
#include "film/hash_if_there.h"
#include "plan/chat_planner.h"
#include "plan/layout_planner.h"
#include "plan/load_plan.h"
#include "plan/motion_ids.h"
#include "plan/prompts.h"
#include "plan/recorded_planner.h"
#include "plan/story_file.h"
#include "plan/story_script.h"
#include "story/named_character.h"
#include "story/plan_json.h"
#include "story/plan_rules.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

// Raise the number of a planner that plans differently; plans that nobody edited are then made anew. A language model is not
// asked again because the built-in planner changed.
int plan_format(const std::string& planner) { return planner == "layout" ? 2 : 1; }

bool is_planned(const FilmSettings& settings) { return !settings.story.empty() || !settings.topic.empty(); }

fs::path plan_file(const FilmFolder& folder, const FilmSettings& settings) { return folder.root() / settings.plan; }

std::string plan_name(const FilmSettings& settings) { return settings.plan.generic_string(); }

/// The replies' names and hashes: another reply is another plan.
Json replies_digest(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    const std::string ending = entry.path().extension().string();
    if (entry.is_regular_file(code) && (ending == ".json" || ending == ".txt")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  Json digest = Json::object();
  for (const fs::path& file : files) digest[file.filename().string()] = sha256_of_file(file);
  return digest;
}

/// What decides a plan, by name.
Json plan_inputs(const FilmFolder& folder, const FilmSettings& settings, const PlanningTask& task) {
  Json characters = Json::array();
  for (const Character& character : task.characters) characters.push_back({{"id", character.id}, {"token", character.token}, {"name", character.name}});
  Json inputs = {{"artefact", "plan"},
                 {"format", plan_format(settings.planner.kind)},
                 {"planner", settings.planner.kind},
                 {"story", task.script.empty() ? "" : sha256_hex(task.script)},
                 {"topic", task.topic},
                 {"characters", sha256_hex(characters.dump())},
                 {"key_frames", task.key_frames},
                 {"max_motions", task.max_motions}};
  // A script has the scenes it has; a model is told how many to write.
  if (settings.planner.kind != "layout") {
    inputs["min_scenes"] = task.min_scenes;
    inputs["max_scenes"] = task.max_scenes;
  }
  if (settings.planner.kind == "chat") inputs["model"] = settings.planner.chat.model;
  if (settings.planner.kind == "recorded") inputs["replies"] = sha256_hex(replies_digest(folder.root() / settings.planner.replies).dump());
  return inputs;
}

/// A person's words around what went wrong in a story: faults name the file.
[[noreturn]] void rethrow_in_story(const Error& error, const FilmFolder& folder, const FilmSettings& settings) {
  std::string message = error.what();
  if (settings.story.empty() || error.kind() != ErrorKind::plan_refused) throw error;
  const std::string file = (folder.root() / settings.story).string();
  if (message.starts_with("scene ")) throw Error(error.kind(), file + ": " + message, error.hint());
  // The reader calls the script "story".
  std::string named;
  for (size_t at = 0; at < message.size();) {
    const bool begins = (at == 0 || (at >= 2 && message.compare(at - 2, 2, "  ") == 0)) && message.compare(at, 6, "story:") == 0;
    named += begins ? file : std::string(1, message[at]);
    at += begins ? 5 : 1;
  }
  throw Error(error.kind(), named, error.hint());
}

/// Throws Error(usage) for a scene, counted from 1, that `whose` ("the story") does not have.
void check_scene(int scene, size_t scenes, const char* whose) {
  if (scene >= 1 && static_cast<size_t>(scene) <= scenes) return;
  throw Error(ErrorKind::usage, fmt::format("scene {}: {} has scenes 1 to {}", scene, whose, scenes));
}

/// `scene`, if one was asked for, must be one of the story's: that is found out before the others are planned and paid for.
Plan whole_plan(Planner& planner, const FilmSettings& settings, const PlanningTask& task, std::optional<int> scene, RunContext& run) {
  Plan plan;
  plan.title = settings.title;
  plan.characters = task.characters;
  run.report().begin("planning the story", 1);
  const StoryPlan story = planner.plan_story(task, run);
  run.report().end();
  if (scene) check_scene(*scene, story.scenes.size(), "the story");
  run.report().begin("planning scenes", static_cast<int64_t>(story.scenes.size()));
  for (size_t i = 0; i < story.scenes.size(); ++i) {
    run.check();
    plan.scenes.push_back(planner.plan_scene(task, story, i, run));
    run.report().advance(static_cast<int64_t>(i) + 1);
  }
  run.report().end();
  complete_motions(plan);
  return plan;
}

/// The story that one scene of `plan` is planned from again.
StoryPlan story_of(const Plan& plan, const PlanningTask& task) {
  if (looks_like_story_script(task.script)) {
    StoryPlan story = parse_story_script(task.script, "story");
    if (story.scenes.size() == plan.scenes.size()) return story;
    throw Error(ErrorKind::usage, fmt::format("the story has {} scenes, the plan {}", story.scenes.size(), plan.scenes.size()),
                "plan the whole film again, without --scene");
  }
  StoryPlan story;
  for (const Scene& scene : plan.scenes) story.scenes.push_back({scene.place, scene.motions, scene.narration});
  return story;
}

/// What the built-in planner makes of the story, if it can: for a plan that nobody recorded.
std::optional<std::string> built_in_plan(const FilmSettings& settings, const PlanningTask& task) {
  if (settings.planner.kind != "layout" || task.script.empty()) return std::nullopt;
  try {
    RunContext nobody;
    return format_plan_json(whole_plan(*make_layout_planner(), settings, task, std::nullopt, nobody));
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// Where the record of a plan stands that is about to be put in its place.
std::string coming_name(const FilmSettings& settings) { return plan_name(settings) + " (coming)"; }

/// The record of the plan whose bytes have this hash. A run that was killed between a plan and its record has announced it.
const Record* record_of(const FilmSettings& settings, const Journal& journal, const std::string& sha256) {
  const Record* coming = journal.find(coming_name(settings));
  return coming != nullptr && coming->sha256 == sha256 ? coming : journal.find(plan_name(settings));
}

/// Writes the plan and its record; false where the plan that was there when planning began (`before`: its hash) is another
/// by now, which is left alone. What a planner hands over is checked like what a person writes.
bool write_plan(const FilmFolder& folder, const FilmSettings& settings, Journal& journal, const Plan& plan, const std::optional<Json>& inputs,
                const std::optional<std::string>& before, RunContext& run) {
  const fs::path file = plan_file(folder, settings);
  plan_from_json(plan_to_json(plan), "the planner's plan");
  const std::string text = format_plan_json(plan);
  make_folders(file.parent_path());
  if (hash_if_there(file) != before) {
    const fs::path beside = fs::path(file).replace_extension(".new" + file.extension().string());
    write_file_atomic(beside, text);
    run.report().note(fmt::format("{}: was changed while it was being planned; it stays as it is, the new plan is {}", plan_name(settings), beside.string()));
    return false;
  }
  Record record{coming_name(settings), "", sha256_hex(text), text.size(), DREAMRUNNER_VERSION, Json::object()};
  if (inputs) {
    record.key = key_of(*inputs);
    record.inputs = *inputs;
    journal.append(record);
  }
  write_file_atomic(file, text);
  if (inputs) {
    record.path = plan_name(settings);
    journal.append(record);
    journal.retire(coming_name(settings));
  }
  return true;
}

}  // namespace

PlanningTask planning_task(const FilmFolder& folder, const FilmSettings& settings) {
  if (!settings.story.empty() && !settings.topic.empty()) {
    throw Error(ErrorKind::usage, fmt::format("{}: names a story and a topic", folder.settings_file().string()), "leave one of the two");
  }
  PlanningTask task;
  task.topic = settings.topic;
  if (!settings.story.empty()) {
    task.script = read_story_file(folder.root() / settings.story);
    if (is_blank(task.script)) {
      throw Error(ErrorKind::plan_refused, fmt::format("{}: is empty, a story expected", (folder.root() / settings.story).string()));
    }
  }
  for (const FilmCharacter& entry : settings.characters) task.characters.push_back(named_character(entry.character));
  const PlannerSettings& planner = settings.planner;
  task.key_frames = planner.key_frames;
  task.min_scenes = planner.min_scenes;
  task.max_scenes = planner.max_scenes;
  task.max_motions = planner.max_motions.value_or(task.characters.size() == 1 ? 2 : 4);
  return task;
}

std::unique_ptr<Planner> make_film_planner(const FilmFolder& folder, const FilmSettings& settings) {
  const PlannerSettings& planner = settings.planner;
  if (planner.kind == "recorded") return make_recorded_planner(folder.root() / planner.replies);
  if (planner.kind == "layout") return make_layout_planner();
  std::error_code ignored;
  ChatSettings chat = planner.chat;
  chat.prompt_folders = prompt_folders(fs::read_symlink("/proc/self/exe", ignored).parent_path(),
                                       planner.prompts.empty() ? fs::path() : folder.root() / planner.prompts);
  return make_chat_planner(chat, folder.root() / planner.replies);
}

PlanVerdict judge_plan(const FilmFolder& folder, const FilmSettings& settings, const Journal& journal) {
  const fs::path file = plan_file(folder, settings);
  const bool there = is_there(file);
  if (!is_planned(settings)) return {PlanStanding::by_hand, ""};
  const PlanningTask task = planning_task(folder, settings);
  if (!there) return {PlanStanding::missing, "not planned yet"};
  const std::string sha256 = sha256_of_file(file);
  const Record* record = record_of(settings, journal, sha256);
  if (record == nullptr) {
    const auto built_in = built_in_plan(settings, task);
    if (built_in && sha256_hex(*built_in) == sha256) return {PlanStanding::fresh, ""};
    return {PlanStanding::unknown, "no record says how it was planned"};
  }
  if (record->sha256 != sha256) return {PlanStanding::edited, "it was edited since it was planned"};
  const Json wanted = plan_inputs(folder, settings, task);
  if (record->key != key_of(wanted)) return {PlanStanding::stale, what_changed(record->inputs, wanted)};
  return {PlanStanding::fresh, ""};
}

PlanResult plan_film(const PlanRequest& request, RunContext& run, const PlannerMaker& maker) {
  if (request.scene && *request.scene < 1) throw Error(ErrorKind::usage, fmt::format("scene {}: there is none", *request.scene), "scenes count from 1");
  const FilmFolder folder(request.film);
  const FilmSettings settings = load_film_settings(folder.settings_file());
  PlanResult result;
  result.file = plan_file(folder, settings);
  const PlanningTask task = planning_task(folder, settings);
  const bool there = is_there(result.file);
  if (!is_planned(settings) && (!there || request.scene || request.force)) {
    throw Error(ErrorKind::usage, fmt::format("{}: names neither a story nor a topic to plan from", folder.settings_file().string()),
                "write `story = \"story.txt\"` or `topic = \"...\"` into it");
  }
  const FolderLock lock(folder);
  folder.sweep_temporaries();
  Journal journal(folder.journal_file());
  for (const std::string& note : journal.notes()) run.report().note(note);
  const std::optional<std::string> before = hash_if_there(result.file);
  result.before = judge_plan(folder, settings, journal);
  const bool wanted = request.force || result.before.to_be_planned() || (request.scene && result.before.standing == PlanStanding::fresh);
  if (!wanted) return result;

  const Json inputs = plan_inputs(folder, settings, task);
  try {
    const auto planner = maker(folder, settings);
    if (!request.scene || !there) {
      const Plan plan = whole_plan(*planner, settings, task, request.scene, run);
      if (!write_plan(folder, settings, journal, plan, inputs, before, run)) return result;
      for (size_t i = 1; i <= plan.scenes.size(); ++i) result.planned.push_back(static_cast<int>(i));
      return result;
    }
    Plan plan = load_plan(result.file);
    check_scene(*request.scene, plan.scenes.size(), "the plan");
    const size_t index = static_cast<size_t>(*request.scene - 1);
    run.report().begin(fmt::format("planning scene {}", *request.scene), 1);
    Scene scene = planner->plan_scene(task, story_of(plan, task), index, run);
    run.report().end();
    scene.seed = plan.scenes[index].seed;
    plan.scenes[index] = std::move(scene);
    complete_motions(plan);
    // The other scenes are as old as they were: a stale plan stays stale, an edited one edited.
    std::optional<Json> kept;
    if (result.before.standing == PlanStanding::fresh) kept = inputs;
    if (result.before.standing == PlanStanding::stale) kept = record_of(settings, journal, *before)->inputs;
    if (write_plan(folder, settings, journal, plan, kept, before, run)) result.planned = {*request.scene};
    return result;
  } catch (const Error& error) {
    rethrow_in_story(error, folder, settings);
  }
}

void plan_if_needed(const fs::path& film, RunContext& run, const PlannerMaker& maker) {
  const FilmFolder folder(film);
  const FilmSettings settings = load_film_settings(folder.settings_file());
  if (!is_planned(settings)) return;
  const PlanVerdict verdict = judge_plan(folder, settings, Journal(folder.journal_file()));
  if (verdict.kept()) {
    run.report().note(fmt::format("{}: {}; kept as it is, `dreamrunner plan --force` plans it anew", plan_name(settings), verdict.reason));
  }
  if (verdict.to_be_planned()) plan_film({film, std::nullopt, false}, run, maker);
}

}  // namespace dreamrunner
