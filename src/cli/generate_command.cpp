#include <memory>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/make_run.h"
#include "cli/setting_options.h"

namespace dreamrunner {

CommandBody attach_generate(CLI::App& app) {
  const auto request = std::make_shared<MakeRequest>();
  app.add_option("FILM", request->film, "the film's folder, or its film.toml")->required();
  app.add_option("--scene", request->scene, "the scene, from 1")->required()->type_name("K");
  add_setting_options(app, request->overrides);
  add_prior_options(app, *request);
  return [request](Session& session) { make_and_tell(*request, session); };
}

}  // namespace dreamrunner
