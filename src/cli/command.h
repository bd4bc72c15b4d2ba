#pragma once

#include <functional>
#include <vector>

#include "cli/session.h"

namespace CLI {
class App;
}

namespace dreamrunner {

/// What a subcommand does once its options are known.
using CommandBody = std::function<void(Session&)>;

/// A row of the table of subcommands.
struct Command {
  const char* name;
  const char* group;    ///< Heading in the help.
  const char* summary;  ///< One line.
  /// Adds options to the subcommand's parser and returns what to do with them.
  CommandBody (*attach)(CLI::App& app);
};

CommandBody attach_new(CLI::App& app);
CommandBody attach_plan(CLI::App& app);
CommandBody attach_make(CLI::App& app);
CommandBody attach_retrieve(CLI::App& app);
CommandBody attach_learn(CLI::App& app);
CommandBody attach_generate(CLI::App& app);
CommandBody attach_forward(CLI::App& app);
CommandBody attach_clips(CLI::App& app);
CommandBody attach_inspect(CLI::App& app);
CommandBody attach_doctor(CLI::App& app);

/// Runs the program with the table's commands: parses, runs one, reports its failure. Returns the exit code.
int run_program(const std::vector<Command>& commands, int argc, char** argv);

}  // namespace dreamrunner
