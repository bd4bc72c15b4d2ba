#pragma once

#include "film/film_settings.h"

namespace CLI {
class App;
}

namespace dreamrunner {

/// Adds the options that say something over film.toml (`--steps`, `--seed`, `--model`, ...) to a subcommand. `overrides`
/// must live as long as the parser.
void add_setting_options(CLI::App& app, SettingOverrides& overrides);

}  // namespace dreamrunner
