#include "film/prior_settings.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr int kModelPriorsSchema = 1;
constexpr double kMostWeight = 10;

/// Takes every value of a recipe that the table holds, checked.
Json read_changes(TableReader& reader) {
  Json changes = Json::object();
  if (const auto preset = reader.text("preset")) {
    prior_recipe(PriorKind::motion, *preset, reader.where("preset"));
    changes["preset"] = *preset;
  }
  PriorChoices scratch;
  for (const std::string& name : recipe_names()) {
    const auto value = reader.value(name);
    if (!value) continue;
    set_recipe_value(scratch, name, *value, reader.where(name));
    changes[name] = *value;
  }
  return changes;
}

void apply(PriorChoices& choices, const Json& changes) {
  for (const auto& [name, value] : changes.items()) {
    if (name != "preset") set_recipe_value(choices, name, value, name);
  }
}

Json model_changes(const Json& json, const char* kind, const std::string& file) {
  if (!json.contains(kind)) return Json::object();
  const Json& changes = json[kind];
  if (!changes.is_object()) throw Error(ErrorKind::input_file, fmt::format("{}: {}: an object expected", file, kind));
  PriorChoices scratch;
  for (const auto& [name, value] : changes.items()) {
    try {
      set_recipe_value(scratch, name, value, fmt::format("{}: {}.{}", file, kind, name));
    } catch (const Error& error) {
      throw Error(ErrorKind::input_file, error.what(), error.hint());
    }
  }
  return changes;
}

}  // namespace

PriorSettings read_prior_settings(const toml::table& section, const std::string& file) {
  PriorSettings settings;
  TableReader reader(section, file, "priors");
  if (const auto use = reader.flag("use")) settings.use = *use;
  if (const auto library = reader.path("library")) {
    if (library->empty()) throw Error(ErrorKind::usage, fmt::format("{}: found an empty text, a folder expected", reader.where("library")));
    settings.library = *library;
  }
  if (const auto seed = reader.whole("seed", kSeedRange)) settings.seed = *seed;
  settings.known_motions = reader.texts("known_motions");
  settings.both = read_changes(reader);
  if (const toml::table* table = reader.table("motion")) {
    TableReader of_motions(*table, file, "priors.motion");
    settings.motion = read_changes(of_motions);
    of_motions.finish();
  }
  if (const toml::table* table = reader.table("subject")) {
    TableReader of_subjects(*table, file, "priors.subject");
    settings.subject = read_changes(of_subjects);
    of_subjects.finish();
  }
  if (const toml::table* table = reader.table("weights")) {
    TableReader weights(*table, file, "priors.weights");
    for (const auto& [key, node] : *table) {
      const std::string id(key.str());
      settings.weights[id] = *weights.number(id, -kMostWeight, kMostWeight);
    }
  }
  reader.finish();
  return settings;
}

ModelPriors load_model_priors(const fs::path& model_folder) {
  const fs::path path = model_folder / "priors.json";
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return {};
  const std::string file = path.string();
  const Json json = read_json_file(path);
  if (!json.is_object() || !json.contains("schema") || json["schema"] != kModelPriorsSchema) {
    throw Error(ErrorKind::input_file, fmt::format("{}: schema: {} expected", file, kModelPriorsSchema));
  }
  ModelPriors priors;
  if (json.contains("knows")) {
    if (!json["knows"].is_array()) throw Error(ErrorKind::input_file, fmt::format("{}: knows: a list of motions expected", file));
    for (const Json& id : json["knows"]) {
      if (!id.is_string()) throw Error(ErrorKind::input_file, fmt::format("{}: knows: found {}, ids of motions expected", file, id.dump()));
      priors.knows.push_back(id);
    }
  }
  priors.motion = model_changes(json, "motion", file);
  priors.subject = model_changes(json, "subject", file);
  return priors;
}

bool is_known_motion(const ModelPriors& model, const PriorSettings& settings, const std::string& id) {
  const auto lists = [&](const std::vector<std::string>& ids) { return std::find(ids.begin(), ids.end(), id) != ids.end(); };
  return lists(model.knows) || lists(settings.known_motions);
}

PriorChoices prior_choices(PriorKind kind, const ModelPriors& model, const PriorSettings& settings) {
  const bool of_motions = kind == PriorKind::motion;
  PriorChoices choices{default_prior_recipe(kind), std::nullopt};
  apply(choices, of_motions ? model.motion : model.subject);
  const Json& own = of_motions ? settings.motion : settings.subject;
  for (const Json* said : {&settings.command_line, &own, &settings.both}) {
    if (!said->contains("preset")) continue;
    choices.recipe = prior_recipe(kind, (*said)["preset"], "preset");
    break;
  }
  for (const Json* said : {&settings.both, &own, &settings.command_line}) apply(choices, *said);
  return choices;
}

std::pair<std::string, double> parse_prior_weight(const std::string& text, const std::string& where) {
  const size_t sign = text.rfind('=');
  const auto refuse = [&]() -> std::pair<std::string, double> {
    throw Error(ErrorKind::usage, fmt::format("{}: found \"{}\", ID=WEIGHT expected", where, text), "for example cartwheeling=0.8; 0 leaves the prior out");
  };
  if (sign == std::string::npos || sign == 0) return refuse();
  double weight = 0;
  const char* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data() + sign + 1, end, weight);
  if (fault != std::errc() || stop != end) return refuse();
  return {text.substr(0, sign), checked_number(where, weight, -kMostWeight, kMostWeight)};
}

}  // namespace dreamrunner
