#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <string_view>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/failure.h"
#include "film/setting_checks.h"

namespace dreamrunner {
namespace {

std::string main_help(const std::vector<Command>& commands) {
  std::string text =
      "dreamrunner makes a film from a plan: the same characters, doing the asked motions in the asked places.\n"
      "\n"
      "  dreamrunner make examples/witch       a film, with the small model that comes with the program\n"
      "  dreamrunner make FILM --model DIR     the same with a CogVideoX in the Hugging Face layout\n";
  std::string group;
  for (const Command& command : commands) {
    if (group != command.group) text += fmt::format("\n{}\n", group = command.group);
    text += fmt::format("  {:<10}{}\n", command.name, command.summary);
  }
  text +=
      "\n"
      "`dreamrunner COMMAND --help` lists a command's options; `--json` makes every command speak JSON.\n"
      "Ctrl-C stops; the same command again goes on. `dreamrunner --version` prints the version.\n";
  return text;
}

/// --json is wanted before the command line is understood: a mistake in it is reported as JSON too.
bool asks_for_json(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; });
}

/// The names that could have stood where `word` stands.
std::vector<std::string> known_words(const CLI::App& app, const std::string& word) {
  std::vector<std::string> known;
  if (!word.starts_with("-")) {
    for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
    return known;
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  return known;
}

/// CLI11 takes a word in brackets for a list, and clips may be called "[a,b]". Behind this letter the word is taken as it is; every
/// option takes the letter off again.
constexpr char kAsItIs = '\x01';

std::string shielded(const std::string& word) {
  const bool is_list = word.starts_with('[') && word.ends_with(']');
  return is_list || word.starts_with(kAsItIs) ? kAsItIs + word : word;
}

std::string unshielded(const std::string& word) { return word.starts_with(kAsItIs) ? word.substr(1) : word; }

void unshield_options(CLI::App& app) {
  for (CLI::Option* option : app.get_options([](CLI::Option* any) { return any->get_items_expected_max() > 0; })) option->transform(unshielded, "");
  for (CLI::App* command : app.get_subcommands({})) unshield_options(*command);
}

void parse(CLI::App& app, int argc, char** argv) {
  unshield_options(app);
  std::vector<std::string> words;
  // The last comes first; the program's own name is not among them.
  for (int i = argc - 1; i > 0; --i) words.push_back(shielded(argv[i]));
  app.parse(std::move(words));
}

/// A closed standard input, output or error would be the next file that is opened, and what is printed would go there. Reading or
/// writing fails on what is put in its place.
void fill_closed_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) != -1) continue;
    // The lowest free number is given out, which is this one.
    [[maybe_unused]] const int opened = ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

Failure usage_failure(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  const CLI::App& place = chosen.empty() ? app : *chosen.front();
  std::string message = error.what();
  std::string hint = chosen.empty() ? "see `dreamrunner --help`" : fmt::format("see `dreamrunner {} --help`", place.get_name());
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr) {
    // "Could not convert: --steps = many"; all our options that convert are numbers.
    message = message.substr(message.find(": ") + 2) + ": cannot be used as a number";
  }
  const std::vector<std::string> extras = app.remaining(true);
  if (!extras.empty()) {
    const std::string word = unshielded(extras.front().substr(0, extras.front().find('=')));
    const bool is_option = word.starts_with("-");
    message = fmt::format("{}: unknown {}", word, is_option ? "option" : chosen.empty() ? "command" : "argument");
    const std::vector<std::string> known = known_words(place, word);
    const std::string nearest = nearest_word(word, std::vector<std::string_view>(known.begin(), known.end()));
    if (!nearest.empty()) hint = fmt::format("did you mean {}?", nearest);
  }
  return {exit_code(ErrorKind::usage), kind_name(ErrorKind::usage), message, hint};
}

}  // namespace

int run_program(const std::vector<Command>& commands, int argc, char** argv) {
  fill_closed_descriptors();
  std::signal(SIGXFSZ, SIG_IGN);  // `ulimit -f`: the write itself says why it failed
  const bool json = asks_for_json(argc, argv);
  try {
    CLI::App app{"", "dreamrunner"};
    bool version = false;
    bool json_seen = false;  // `json` knows already; the parser has to know the option.
    app.add_flag("--version", version, "print the version");
    app.require_subcommand(0, 1);
    std::map<std::string, CommandBody> bodies;
    for (const Command& command : commands) {
      CLI::App* sub = app.add_subcommand(command.name, command.summary);
      bodies[command.name] = command.attach(*sub);
      sub->add_flag("--json", json_seen, "print JSON: events of long work, or the report");
    }
    try {
      parse(app, argc, argv);
    } catch (const CLI::CallForHelp&) {
      const std::vector<CLI::App*> chosen = app.get_subcommands();
      print_now(chosen.empty() ? main_help(commands) : chosen.front()->help("dreamrunner"));
      return 0;
    } catch (const CLI::ParseError& error) {
      return report_failure(usage_failure(app, error), json);
    }
    if (version) {
      print_now("dreamrunner " DREAMRUNNER_VERSION "\n");
      return 0;
    }
    const std::vector<CLI::App*> chosen = app.get_subcommands();
    if (chosen.empty()) {
      print_now(main_help(commands));
      return 0;
    }
    Session session(json);
    bodies.at(chosen.front()->get_name())(session);
    check_standard_output();
    return 0;
  } catch (...) {
    return report_failure(describe_failure(std::current_exception(), StopSignals::stop_kind()), json);
  }
}

}  // namespace dreamrunner
