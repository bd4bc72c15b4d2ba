#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/error.h"
#include "cli/command.h"
#include "cli/inspect.h"

namespace dreamrunner {
namespace {

/// Names of tensors with values that are no numbers, anywhere in a report.
void collect_bad_tensors(const Json& report, std::vector<std::string>& names) {
  for (const auto& [name, value] : report.items()) {
    if (name == "bad_tensors") {
      for (const Json& tensor : value) names.push_back(tensor.get<std::string>());
    } else if (value.is_object()) {
      collect_bad_tensors(value, names);
    }
  }
}

}  // namespace

CommandBody attach_inspect(CLI::App& app) {
  struct Arguments {
    std::filesystem::path path;
    InspectOptions options;
  };
  const auto arguments = std::make_shared<Arguments>();
  app.add_option("PATH", arguments->path, "a film, a model, or a weight, plan, video or picture file")->required();
  app.add_flag("--all", arguments->options.all, "list every tensor or scene");
  app.add_flag("--deep", arguments->options.deep, "read every value of the weights, to find NaN and infinity");
  return [arguments](Session& session) {
    const Json report = inspect_path(arguments->path, arguments->options);
    session.print_report(report);
    std::vector<std::string> bad;
    collect_bad_tensors(report, bad);
    if (!bad.empty()) {
      throw Error(ErrorKind::input_file,
                  fmt::format("{}: {}: NaN or infinite values, numbers expected{}", arguments->path.string(), bad.front(),
                              bad.size() > 1 ? fmt::format(" (and {} tensors more)", bad.size() - 1) : ""),
                  "the file is damaged or its training failed: get it again");
    }
  };
}

}  // namespace dreamrunner
