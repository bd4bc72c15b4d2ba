#include "stages/model_location.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/environment.h"
#include "base/error.h"
#include "base/home_folder.h"
#include "base/path_kind.h"
#include "base/files.h"
#include "stages/engine_loader.h"
#include "stages/stages.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr const char* kIndexFile = "model_index.json";
constexpr const char* kTwoWays =
    "use `playset`, the small model that comes with the source (clone it with its models/ folder, or set DREAMRUNNER_MODELS to "
    "that folder), or name a folder that holds a CogVideoX in the Hugging Face layout, such as a download of THUDM/CogVideoX-2b";

fs::path hub_cache_from_environment() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const std::string value = environment(name); !value.empty()) return expand_home(value);
  }
  if (const std::string home = environment("HF_HOME"); !home.empty()) return expand_home(home) / "hub";
  if (const std::string cache = environment("XDG_CACHE_HOME"); !cache.empty()) return expand_home(cache) / "huggingface/hub";
  const std::string home = environment("HOME");
  return home.empty() ? fs::path() : fs::path(home) / ".cache/huggingface/hub";
}

bool is_model(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / kIndexFile, ignored);
}

/// One path component of the characters that the hub allows; keeps a name from film.toml inside the folder searched.
bool is_plain_component(const std::string& text) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; };
  return !text.empty() && text.front() != '.' && std::all_of(text.begin(), text.end(), allowed);
}

/// The revision that `refs/main` names; without it (a download of a pinned revision) the only snapshot there is.
std::optional<fs::path> snapshot_of(const fs::path& repository) {
  const fs::path reference = repository / "refs/main";
  if (std::error_code ignored; fs::exists(reference, ignored)) {
    std::string revision = read_file(reference, 256);
    while (!revision.empty() && std::isspace(static_cast<unsigned char>(revision.back()))) revision.pop_back();
    if (!is_plain_component(revision)) {
      throw Error(ErrorKind::input_file, fmt::format("{}: found \"{}\", the name of a snapshot expected", reference.string(), revision),
                  "the cache is damaged: download the model again");
    }
    if (is_model(repository / "snapshots" / revision)) return repository / "snapshots" / revision;
    throw Error(ErrorKind::input_file, fmt::format("{}: snapshot {} has no {}", repository.string(), revision, kIndexFile),
                "the download is incomplete, or this is not a pipeline in the diffusers layout: download the model again");
  }
  std::vector<fs::path> snapshots;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(repository / "snapshots", code)) {
    if (is_model(entry.path())) snapshots.push_back(entry.path());
  }
  if (snapshots.size() > 1) {
    throw Error(ErrorKind::input_file, fmt::format("{}: {} snapshots and no refs/main that chooses one", repository.string(), snapshots.size()),
                "name the folder of one of them");
  }
  if (snapshots.empty()) return std::nullopt;
  return snapshots.front();
}

}  // namespace

ModelPlaces model_places(const fs::path& program_folder) {
  ModelPlaces places;
  if (const std::string value = environment("DREAMRUNNER_MODELS"); !value.empty()) places.shelves.push_back(expand_home(value));
  places.shelves.push_back((program_folder / "../models").lexically_normal());
  places.shelves.push_back((program_folder / "../share/dreamrunner/models").lexically_normal());
  places.hub_cache = hub_cache_from_environment();
  return places;
}

fs::path find_model_in(const ModelPlaces& places, const std::string& name) {
  if (name.empty()) throw Error(ErrorKind::input_file, "model: the name is empty", kTwoWays);
  std::vector<std::string> searched;

  const bool plain = name.find('/') == std::string::npos;
  const size_t slash = name.find('/');
  const bool hub_name = !plain && is_plain_component(name.substr(0, slash)) && is_plain_component(name.substr(slash + 1));

  // A plain name is a shelf's first: a folder `playset` in the working folder must not change what "playset" means.
  if (plain && is_plain_component(name)) {
    for (const fs::path& shelf : places.shelves) {
      if (is_model(shelf / name)) return fs::absolute(shelf / name).lexically_normal();
      searched.push_back((shelf / name).string());
    }
  }
  const fs::path as_path = fs::absolute(expand_home(name)).lexically_normal();
  if (is_model(as_path)) return as_path;
  if (is_folder(as_path)) {
    throw Error(ErrorKind::input_file, fmt::format("model {}: the folder has no {}", as_path.string(), kIndexFile),
                "name the folder that holds model_index.json, transformer/, vae/, text_encoder/ and tokenizer/");
  }
  searched.push_back(as_path.string());
  if (hub_name && !places.hub_cache.empty()) {
    const fs::path repository = places.hub_cache / fmt::format("models--{}--{}", name.substr(0, slash), name.substr(slash + 1));
    if (const auto snapshot = snapshot_of(repository)) return fs::absolute(*snapshot).lexically_normal();
    searched.push_back(repository.string());
  }
  throw Error(ErrorKind::input_file, fmt::format("model \"{}\": not found; looked at {}", name, fmt::join(searched, ", ")), kTwoWays);
}

fs::path find_model(const std::string& name) { return find_model_in(model_places(program_folder()), name); }

}  // namespace dreamrunner
