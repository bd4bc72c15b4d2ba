#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "film/library_settings.h"
#include "film/prior_settings.h"
#include "plan/chat_settings.h"
#include "stages/stages.h"
#include "story/plan_types.h"

namespace dreamrunner {

/// A `[[character]]` of film.toml.
struct FilmCharacter {
  Character character;
  std::vector<std::string> pictures;  ///< Paths or patterns, relative to the film folder.
  std::vector<std::string> captions;  ///< What each picture shows; empty: said beside the pictures, or by token and name.
};

/// `[planner]`: who plans, and within which limits.
struct PlannerSettings {
  std::string kind = "layout";      ///< "layout" (built in), "chat" (a language model) or "recorded" (its replies again).
  int key_frames = 6;               ///< Of a scene.
  int min_scenes = 5;               ///< Asked of a language model; a script has as many as it has.
  int max_scenes = 8;
  std::optional<int> max_motions;   ///< Of a scene; empty: 2 with one character, else 4.
  ChatSettings chat;                ///< Its prompt folders stay empty until the planner is made.
  std::string prompts;              ///< A folder with prompts that go before the program's own; relative to the film, or empty.
  std::string replies = "plan/chat";  ///< Where chats are recorded and repeated from; relative to the film.
};

/// film.toml with its defaults filled in. docs/film-folder.md lists every key.
struct FilmSettings {
  std::string title;  ///< Empty: the plan's title is used.
  int64_t seed = 0;   ///< Scene k draws from seed + k - 1 unless it has its own.
  std::string story;  ///< File with the script or story that the plan is made from; relative to the film folder, and inside
                      ///< it where a language model plans.
  std::string topic;  ///< What a language model makes up a story about.
  std::filesystem::path plan = "plan/plan.json";  ///< Relative to the film folder, or absolute.
  std::string model = "playset";                  ///< What `find_model` is asked for.
  GenerationSettings generate;                    ///< Its `model` stays empty until the folder is found.
  std::optional<double> fps;                      ///< Empty: the model's own.
  std::vector<FilmCharacter> characters;
  PlannerSettings planner;
  LibrarySettings library;
  PriorSettings priors;
  std::string lora_scope = "region";  ///< Where priors act: "region" (where their character or motion is) or "global".
};

/// What the command line may say over film.toml.
struct SettingOverrides {
  std::optional<int64_t> seed;
  std::optional<std::string> model;
  std::optional<std::string> device;
  std::optional<std::string> dtype;
  std::optional<std::string> noise_dtype;
  std::optional<std::string> sampler;
  std::optional<std::string> interpolation;
  std::optional<std::string> visual_attn;
  bool vae_tiling = false;  ///< Turns it on; film.toml says the rest.
  std::optional<int64_t> steps;
  std::optional<double> guidance_scale;
  std::optional<std::string> negative_prompt;
  std::optional<int64_t> num_frames;
  std::optional<int64_t> height;
  std::optional<int64_t> width;
  std::optional<std::string> lora_scope;
  std::optional<std::string> lora_text_tokens;  ///< "on" or "off".
  std::optional<std::string> priors;            ///< "on" or "off".
  bool no_priors = false;
  std::vector<std::string> prior_weights;       ///< "ID=WEIGHT".
  std::optional<int64_t> prior_seed;            ///< `learn` only, as are the changes of the recipe, checked.
  Json prior_recipe = Json::object();
  LibraryOverrides library;
};

/// Reads film.toml. A model path that exists relative to the film folder becomes absolute; any other name is left for
/// `find_model`.
/// Throws Error(input_file) when the file is missing, too large or not TOML (with line and column); Error(usage) for an
/// unknown key, a wrong type or a value out of range, with line, key and the nearest that works.
FilmSettings load_film_settings(const std::filesystem::path& file);

/// Puts the command line's choices over `settings`. Throws Error(usage) naming the option.
void apply_overrides(FilmSettings& settings, const SettingOverrides& overrides);

}  // namespace dreamrunner
