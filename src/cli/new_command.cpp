#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/terminal_text.h"
#include "film/new_film.h"

namespace dreamrunner {
namespace {

/// `text` as a word of a command: in quotes where a shell would take it apart.
std::string in_a_shell(const std::string& text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c >= 0x80 || std::strchr("/._-+,:@%", c) != nullptr; });
  if (plain && !text.empty()) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

void tell(const NewFilm& film, Session& session) {
  if (session.json()) {
    Json report = {{"kind", "new film"}, {"folder", film.folder.string()}, {"files", Json::array()}};
    for (const auto& file : film.files) report["files"].push_back(file.string());
    report["needs_language_model"] = film.needs_language_model;
    session.print_report(report);
    return;
  }
  std::string names;
  for (const auto& file : film.files) names += (names.empty() ? "" : " and ") + file.filename().string();
  const std::string folder = printable(in_a_shell(film.folder.string()));
  session.print(fmt::format("wrote {} into {}", names, folder));
  if (film.needs_language_model) session.print("name your language model in film.toml, [planner]; docs/language-models.md tells how");
  session.print(fmt::format("dreamrunner plan {} --preview    plans it and draws the plan", folder));
  session.print(fmt::format("dreamrunner make {}              makes the film", folder));
}

}  // namespace

CommandBody attach_new(CLI::App& app) {
  const auto request = std::make_shared<NewFilmRequest>();
  std::string templates;
  for (const FilmTemplate& one : film_templates()) templates += fmt::format("{}{} ({})", templates.empty() ? "" : ", ", one.name, one.summary);
  app.add_option("FOLDER", request->folder, "where film.toml and story.txt are written; nothing is overwritten")->required();
  app.add_option("--topic", request->topic, "what a language model is to make up a story about")->type_name("TEXT");
  app.add_option("--story", request->story, "a file with a script, or with prose for a language model")->type_name("FILE");
  app.add_option("--template", request->template_name, templates)->type_name("NAME");
  return [request](Session& session) { tell(new_film(*request), session); };
}

}  // namespace dreamrunner
