#include <memory>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/make_run.h"
#include "cli/setting_options.h"

namespace dreamrunner {

CommandBody attach_make(CLI::App& app) {
  const auto request = std::make_shared<MakeRequest>();
  app.add_option("FILM", request->film, "the film's folder, or its film.toml")->required();
  app.add_option("--scene", request->scene, "only this scene, from 1; nothing is joined then")->type_name("K");
  add_setting_options(app, request->overrides);
  add_prior_options(app, *request);
  return [request](Session& session) { make_and_tell(*request, session); };
}

}  // namespace dreamrunner
