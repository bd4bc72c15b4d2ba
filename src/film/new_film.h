#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dreamrunner {

/// What a new film begins with: a topic, a story, or a template; at most one of the first two.
struct NewFilmRequest {
  std::filesystem::path folder;
  std::optional<std::string> topic;
  std::optional<std::filesystem::path> story;  ///< A file; a script, or prose for a language model.
  std::optional<std::string> template_name;    ///< One of `film_templates()`; "friends" where nothing else is given.
};

/// A small story to start from, in words that the playset knows.
struct FilmTemplate {
  const char* name;
  const char* summary;   ///< Half a sentence.
  const char* settings;  ///< The film.toml.
  const char* story;     ///< The story.txt.
};

const std::vector<FilmTemplate>& film_templates();

/// What was written.
struct NewFilm {
  std::filesystem::path folder;
  std::vector<std::filesystem::path> files;
  bool needs_language_model = false;  ///< film.toml asks one to plan.
};

/// Writes film.toml and, unless there is a topic, story.txt into a folder, which may exist; nothing that exists is touched.
/// A story that is a script is checked first and will be planned by the built-in planner; a topic or prose by a language
/// model. Throws Error(usage) where one of the files is there already, for a template that does not exist, an empty topic
/// and two beginnings at once; Error(plan_refused) for a script with faults; Error(input_file), Error(storage).
NewFilm new_film(const NewFilmRequest& request);

}  // namespace dreamrunner
