#pragma once

#include "film/make_film.h"

namespace CLI {
class App;
}

namespace dreamrunner {

/// Adds the options that say something over film.toml (`--steps`, `--seed`, `--model`, ...) to a subcommand. `overrides`
/// must live as long as the parser.
void add_setting_options(CLI::App& app, SettingOverrides& overrides);

/// Adds the options about priors that `make` and `generate` share.
void add_prior_options(CLI::App& app, MakeRequest& request);

/// Adds the options that say something over film.toml's [library].
void add_library_options(CLI::App& app, LibraryOverrides& overrides);

}  // namespace dreamrunner
