#include "film/new_film.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "film/setting_checks.h"
#include "plan/story_file.h"
#include "plan/story_script.h"
#include "story/plan_rules.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// The part that all new films share.
constexpr const char* kRest = R"(seed = 7                 # scene k starts from seed + k - 1

[model]
path = "playset"         # or a folder with CogVideoX in the Hugging Face layout

[generate]
steps = 50
guidance_scale = 3.0
)";

/// For films that a person still has to name characters for.
constexpr const char* kCharacters = R"(
# Who appears in several scenes; the story calls them by name or id.
# [[character]]
# id = "witch"
# name = "red witch"
# token = "[v1]"         # calls up what was learnt of the character
)";

constexpr const char* kChat = R"([planner]
kind = "chat"            # a language model on any server that speaks OpenAI's protocol
key_frames = 6
url = "http://127.0.0.1:8080/v1"
# model = "the name that the server knows it by"
# key_env = "DREAMRUNNER_API_KEY"   # the environment variable that holds the key
)";

std::string toml_text(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

const FilmTemplate& template_called(const std::string& name) {
  std::vector<std::string_view> names;
  for (const FilmTemplate& one : film_templates()) {
    if (one.name == name) return one;
    names.emplace_back(one.name);
  }
  checked_choice("--template", name, names);
  throw Error(ErrorKind::bug, "a template that is none");
}

struct Files {
  std::string settings;
  std::string story;  ///< Empty: none is written.
  bool needs_language_model = false;
};

Files files_for(const NewFilmRequest& request) {
  if (request.topic) {
    if (is_blank(*request.topic)) throw Error(ErrorKind::usage, "--topic: found an empty text, a topic expected");
    if (const auto wrong = text_fault(*request.topic)) throw Error(ErrorKind::usage, "--topic: " + *wrong);
    return {fmt::format("topic = {}\n{}\n{}{}", toml_text(*request.topic), kRest, kChat, kCharacters), "", true};
  }
  if (request.story) {
    std::string story = read_story_file(*request.story);
    if (is_blank(story)) throw Error(ErrorKind::input_file, fmt::format("{}: is empty, a story expected", request.story->string()));
    const bool script = looks_like_story_script(story);
    if (script) parse_story_script(story, request.story->string());
    const char* planner = script ? "[planner]\nkind = \"layout\"          # built in, reads scripts\nkey_frames = 8\n" : kChat;
    return {fmt::format("story = \"story.txt\"\n{}\n{}{}", kRest, planner, kCharacters), std::move(story), !script};
  }
  const FilmTemplate& chosen = template_called(request.template_name.value_or("friends"));
  return {chosen.settings, chosen.story, false};
}

}  // namespace

const std::vector<FilmTemplate>& film_templates() {
  static const std::vector<FilmTemplate> kTemplates{
      {"friends", "two characters in four places",
       R"(title = "Two friends"
story = "story.txt"      # change it and make the film again
seed = 7                 # scene k starts from seed + k - 1

[model]
path = "playset"         # or a folder with CogVideoX in the Hugging Face layout

[generate]
steps = 50
guidance_scale = 3.0

[planner]
kind = "layout"          # built in; "chat" asks a language model
key_frames = 8           # of a scene; the playset has eight latent frames

[[character]]
id = "girl"
name = "pink girl"

[[character]]
id = "dog"
name = "brown dog"
)",
       R"(Scene 1: the garden
Motions: walking, sitting
Narration: The girl is walking through the garden. Her dog is sitting on the right.

Scene 2: the beach
Motions: running
Narration: The girl and the dog are running along the beach.

Scene 3: the lake
Motions: dancing, jumping
Narration: The girl is dancing at the lake, and the dog is jumping beside her.

Scene 4: the bedroom
Motions: sitting
Narration: In the evening the dog and the girl are sitting in the bedroom.
)"},
      {"solo", "one character who does two things in each scene",
       R"(title = "A day alone"
story = "story.txt"      # change it and make the film again
seed = 7                 # scene k starts from seed + k - 1

[model]
path = "playset"         # or a folder with CogVideoX in the Hugging Face layout

[generate]
steps = 50
guidance_scale = 3.0

[planner]
kind = "layout"          # built in; "chat" asks a language model
key_frames = 8           # of a scene; the playset has eight latent frames

[[character]]
id = "astronaut"
name = "white astronaut"
)",
       R"(Scene 1: the moon
Motions: walking, waving
Narration: The astronaut is walking on the moon. Then she is waving to the Earth.

Scene 2: the cave
Motions: walking, jumping
Narration: The astronaut walks into a cave, and then she jumps with joy.

Scene 3: the desert
Motions: running, sitting
Narration: She runs through the desert to the left, then she sits down.
)"},
      {"empty", "one scene to write the rest after",
       R"(# Every key is explained in docs/film-folder.md.
title = "Untitled"
story = "story.txt"
seed = 0

[model]
path = "playset"

[planner]
kind = "layout"
key_frames = 8

[[character]]
id = "witch"
name = "red witch"
)",
       R"(Scene 1: the forest
Motions: walking
Narration: The witch is walking through the forest.
)"}};
  return kTemplates;
}

NewFilm new_film(const NewFilmRequest& request) {
  const int beginnings = (request.topic ? 1 : 0) + (request.story ? 1 : 0) + (request.template_name ? 1 : 0);
  if (beginnings > 1) throw Error(ErrorKind::usage, "a film begins with one of --topic, --story and --template", "leave one");
  if (request.folder.empty()) throw Error(ErrorKind::usage, "FOLDER: found an empty text, a folder expected");
  const Files files = files_for(request);
  NewFilm film;
  film.folder = fs::absolute(request.folder).lexically_normal();
  film.needs_language_model = files.needs_language_model;
  for (const char* name : {"film.toml", "story.txt"}) {
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(film.folder / name, ignored))) continue;
    throw Error(ErrorKind::usage, fmt::format("{}: is there already", (film.folder / name).string()), "name another folder; nothing is overwritten");
  }
  make_folders(film.folder);
  // The story first: a film.toml is what makes a folder a film.
  if (!files.story.empty()) {
    film.files.push_back(film.folder / "story.txt");
    write_file_atomic(film.files.back(), files.story);
  }
  film.files.push_back(film.folder / "film.toml");
  write_file_atomic(film.files.back(), files.settings);
  return film;
}

}  // namespace dreamrunner
