#include "film/film_settings.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/home_folder.h"
#include "film/film_folder.h"
#include "film/optional_setting.h"
#include "film/setting_checks.h"
#include "film/toml_table.h"
#include "story/plan_rules.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxSettingsBytes = 1 << 20;
constexpr std::array<std::string_view, 3> kDevices{"auto", "cpu", "cuda"};
constexpr std::array<std::string_view, 4> kDtypes{"auto", "fp32", "fp16", "bf16"};
constexpr std::array<std::string_view, 2> kNoiseDtypes{"fp32", "model"};
constexpr std::array<std::string_view, 3> kSamplers{"auto", "ddim", "dpm"};
constexpr std::array<std::string_view, 2> kInterpolations{"repeat", "linear"};
constexpr std::array<std::string_view, 2> kVisualAttentions{"full", "hard"};
constexpr std::array<std::string_view, 2> kLoraScopes{"region", "global"};
constexpr std::array<std::string_view, 2> kOnOff{"on", "off"};
constexpr std::array<std::string_view, 3> kPlanners{"layout", "chat", "recorded"};

/// For what the program writes: a film from a stranger must not reach out of its folder.
void check_inside(const std::string& where, const std::string& path, const std::string& hint = {}) {
  const fs::path normal = fs::path(path).lexically_normal();
  if (!normal.empty() && normal.is_relative() && *normal.begin() != ".." && *normal.begin() != ".") return;
  throw Error(ErrorKind::usage, fmt::format("{}: found \"{}\", a path inside the film's folder expected", where, path), hint);
}

/// The same, links followed: a film that comes from a stranger must not reach out of its folder.
void check_really_inside(const std::string& where, const fs::path& folder, const std::string& path, const std::string& hint = {}) {
  check_inside(where, path, hint);
  std::error_code failed;
  const fs::path root = fs::weakly_canonical(folder, failed);
  const fs::path file = failed ? fs::path() : fs::weakly_canonical(folder / path, failed);
  const fs::path seen = file.lexically_relative(root);
  if (!failed && !seen.empty() && *seen.begin() != "..") return;
  throw Error(ErrorKind::usage, fmt::format("{}: found \"{}\", a link out of the film's folder", where, path), hint);
}

/// A plan that the program writes must not take the place of what else is in the film's folder.
void check_planned_plan(const std::string& where, const fs::path& folder, const FilmSettings& settings, const std::string& plan) {
  check_really_inside(where, folder, plan);
  const fs::path normal = fs::path(plan).lexically_normal();
  const std::string first = normal.begin()->string();
  const bool taken = normal == "film.toml" || normal == FilmFolder::film_name() || first == ".dreamrunner" || first == "scenes" || first == "motions" ||
                     (!settings.story.empty() && normal == fs::path(settings.story).lexically_normal());
  if (taken) throw Error(ErrorKind::usage, fmt::format("{}: found \"{}\", which is something else's name in a film", where, plan), "name another, such as plan/plan.json");
}

/// A text that plans and captions take over: kept to what a plan may hold; empty where it is not to be said.
std::optional<std::string> plan_text(TableReader& reader, const std::string& key) {
  const auto text = reader.text(key);
  if (!text || text->empty()) return text;
  if (is_blank(*text)) throw Error(ErrorKind::usage, fmt::format("{}: found nothing but blanks, a text expected", reader.where(key)));
  if (const auto wrong = text_fault(*text)) throw Error(ErrorKind::usage, fmt::format("{}: {}", reader.where(key), *wrong));
  return text;
}

void read_generate(TableReader& reader, FilmSettings& settings) {
  GenerationSettings& generate = settings.generate;
  set(generate.steps, reader.whole("steps", kStepsRange));
  set(generate.guidance_scale, reader.number("guidance_scale", 0, kMostGuidance));
  set(generate.negative_prompt, reader.text("negative_prompt"));
  set(generate.num_frames, reader.whole("num_frames", kFramesRange));
  set(generate.height, reader.whole("height", kSideRange));
  set(generate.width, reader.whole("width", kSideRange));
  set(generate.sampler, reader.choice("sampler", kSamplers));
  set(generate.interpolation, reader.choice("interpolation", kInterpolations));
  set(generate.visual_attn, reader.choice("visual_attn", kVisualAttentions));
  set(generate.noise_dtype, reader.choice("noise_dtype", kNoiseDtypes));
  set(generate.vae_tiling, reader.flag("vae_tiling"));
  set(settings.lora_scope, reader.choice("lora_scope", kLoraScopes));
  set(generate.lora_text_tokens, reader.flag("lora_text_tokens"));
  if (const auto fps = reader.number("fps", 1, kMostFps)) settings.fps = fps;
  reader.finish();
}

void read_model(TableReader& reader, FilmSettings& settings, const fs::path& folder) {
  if (const auto path = reader.text("path")) {
    if (path->empty()) throw Error(ErrorKind::usage, fmt::format("{}: found an empty text, a model expected", reader.where("path")));
    settings.model = *path;
    // "playset" is a name even where a folder is called so; "./playset" is that folder.
    const bool has_slash = path->find('/') != std::string::npos;
    std::error_code ignored;
    if (has_slash && fs::is_directory(folder / *path, ignored)) settings.model = fs::absolute(folder / *path).lexically_normal();
  }
  set(settings.generate.device, reader.choice("device", kDevices));
  set(settings.generate.dtype, reader.choice("dtype", kDtypes));
  reader.finish();
}

void read_planner(TableReader& reader, const fs::path& folder, PlannerSettings& planner) {
  set(planner.kind, reader.choice("kind", kPlanners));
  set(planner.key_frames, reader.whole("key_frames", kKeyFramesRange));
  set(planner.min_scenes, reader.whole("min_scenes", kScenesRange));
  set(planner.max_scenes, reader.whole("max_scenes", kScenesRange));
  if (planner.min_scenes > planner.max_scenes) {
    throw Error(ErrorKind::usage, fmt::format("{}: found {}, more than max_scenes, which is {}", reader.where("min_scenes"), planner.min_scenes, planner.max_scenes),
                "set both");
  }
  set(planner.max_motions, reader.whole("max_motions", kMotionsRange));
  ChatSettings& chat = planner.chat;
  set(chat.url, reader.text("url"));
  set(chat.model, reader.text("model"));
  set(chat.key_env, reader.text("key_env"));
  if (const auto temperature = reader.number("temperature", 0, kMostTemperature)) chat.temperature = *temperature;
  set(chat.request_timeout_s, reader.number("request_timeout", kLeastWait_s, kMostWait_s));
  set(chat.deadline_s, reader.number("deadline", kLeastWait_s, kMostWait_s));
  set(planner.prompts, reader.path("prompts"));
  if (const auto replies = reader.text("replies")) {
    check_really_inside(reader.where("replies"), folder, *replies);
    planner.replies = *replies;
  }
  reader.finish();
}

FilmCharacter read_character(TableReader& reader, const std::vector<FilmCharacter>& earlier) {
  FilmCharacter entry;
  const auto id = reader.text("id");
  if (!id) throw Error(ErrorKind::usage, fmt::format("{}: missing, every [[character]] needs one", reader.where("id")));
  check_id(reader.where("id"), *id);
  const bool taken = std::any_of(earlier.begin(), earlier.end(), [&](const FilmCharacter& other) { return other.character.id == *id; });
  if (taken) throw Error(ErrorKind::usage, fmt::format("{}: \"{}\" is the id of two characters", reader.where("id"), *id));
  entry.character.id = *id;
  set(entry.character.token, plan_text(reader, "token"));
  set(entry.character.name, plan_text(reader, "name"));
  for (const std::string& pattern : reader.texts("pictures")) entry.pictures.push_back(expand_home(pattern).string());
  entry.captions = reader.texts("captions");
  if (!entry.captions.empty() && entry.pictures.empty()) {
    throw Error(ErrorKind::usage, fmt::format("{}: of no pictures", reader.where("captions")), "name the pictures that they are of");
  }
  reader.finish();
  return entry;
}

void apply_prior_overrides(FilmSettings& settings, const SettingOverrides& overrides) {
  if (overrides.lora_scope) settings.lora_scope = checked_choice("--lora-scope", *overrides.lora_scope, kLoraScopes);
  if (overrides.lora_text_tokens) settings.generate.lora_text_tokens = checked_choice("--lora-text-tokens", *overrides.lora_text_tokens, kOnOff) == "on";
  PriorSettings& priors = settings.priors;
  if (overrides.priors) priors.use = checked_choice("--priors", *overrides.priors, kOnOff) == "on";
  if (overrides.no_priors) priors.use = false;
  for (const std::string& text : overrides.prior_weights) {
    const auto [id, weight] = parse_prior_weight(text, "--prior-weight");
    priors.weights[id] = weight;
  }
  if (overrides.prior_seed) priors.seed = checked_whole("--seed", *overrides.prior_seed, kSeedRange);
  priors.command_line = overrides.prior_recipe;
}

}  // namespace

FilmSettings load_film_settings(const fs::path& file) {
  const std::string name = file.string();
  const toml::table document = parse_toml(read_file(file, kMaxSettingsBytes), name);
  const fs::path folder = fs::absolute(file).parent_path();
  FilmSettings settings;
  TableReader top(document, name, "");
  set(settings.title, plan_text(top, "title"));
  set(settings.seed, top.whole("seed", kSeedRange));
  set(settings.story, top.path("story"));
  set(settings.topic, top.text("topic"));
  if (const auto plan = top.path("plan")) {
    if (plan->empty()) throw Error(ErrorKind::usage, fmt::format("{}: found an empty text, a file expected", top.where("plan")));
    settings.plan = *plan;
  }
  // A plan by hand may lie anywhere, since it is only read.
  if (!settings.story.empty() || !settings.topic.empty()) check_planned_plan(top.where("plan"), folder, settings, settings.plan);
  if (const toml::table* section = top.table("model")) {
    TableReader reader(*section, name, "model");
    read_model(reader, settings, file.parent_path());
  }
  if (const toml::table* section = top.table("generate")) {
    TableReader reader(*section, name, "generate");
    read_generate(reader, settings);
  }
  if (const toml::table* section = top.table("planner")) {
    TableReader reader(*section, name, "planner");
    read_planner(reader, folder, settings.planner);
  }
  if (settings.planner.kind == "chat" && !settings.story.empty()) {
    // A language model's server is told the story: no file that a film only points at, by name or by a link.
    check_really_inside(top.where("story"), folder, settings.story, "a language model is told what is in it: copy the story into the film's folder");
  }
  if (const toml::table* section = top.table("library")) settings.library = read_library_settings(*section, name);
  if (const toml::table* section = top.table("priors")) settings.priors = read_prior_settings(*section, name);
  for (const toml::table* section : top.tables("character")) {
    TableReader reader(*section, name, "character");
    settings.characters.push_back(read_character(reader, settings.characters));
  }
  top.finish();
  return settings;
}

void apply_overrides(FilmSettings& settings, const SettingOverrides& overrides) {
  const auto whole = [](auto& target, const char* option, const std::optional<int64_t>& value, WholeRange range) {
    if (value) set(target, std::optional(checked_whole(option, *value, range)));
  };
  const auto choice = [](std::string& target, const char* option, const std::optional<std::string>& value, auto& choices) {
    if (value) target = checked_choice(option, *value, choices);
  };
  GenerationSettings& generate = settings.generate;
  whole(settings.seed, "--seed", overrides.seed, kSeedRange);
  whole(generate.steps, "--steps", overrides.steps, kStepsRange);
  whole(generate.num_frames, "--num-frames", overrides.num_frames, kFramesRange);
  whole(generate.height, "--height", overrides.height, kSideRange);
  whole(generate.width, "--width", overrides.width, kSideRange);
  choice(generate.device, "--device", overrides.device, kDevices);
  choice(generate.dtype, "--dtype", overrides.dtype, kDtypes);
  choice(generate.noise_dtype, "--noise-dtype", overrides.noise_dtype, kNoiseDtypes);
  choice(generate.sampler, "--sampler", overrides.sampler, kSamplers);
  choice(generate.interpolation, "--interpolation", overrides.interpolation, kInterpolations);
  choice(generate.visual_attn, "--visual-attn", overrides.visual_attn, kVisualAttentions);
  if (overrides.vae_tiling) generate.vae_tiling = true;
  if (overrides.guidance_scale) {
    generate.guidance_scale = checked_number("--guidance-scale", *overrides.guidance_scale, 0, kMostGuidance);
  }
  if (overrides.negative_prompt && !is_utf8(*overrides.negative_prompt)) throw Error(ErrorKind::usage, "--negative-prompt: is no UTF-8");
  set(generate.negative_prompt, overrides.negative_prompt);
  apply_prior_overrides(settings, overrides);
  apply_overrides(settings.library, overrides.library);
  if (overrides.model) {
    if (overrides.model->empty()) throw Error(ErrorKind::usage, "--model: found an empty text, a model expected");
    settings.model = *overrides.model;
  }
}

}  // namespace dreamrunner
