#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dreamrunner {

/// Where models are looked for when they are not named by path.
struct ModelPlaces {
  std::vector<std::filesystem::path> shelves;  ///< Folders of models that came with the program, first match wins.
  std::filesystem::path hub_cache;             ///< A Hugging Face cache (`models--ORG--NAME` below it); may be empty.
};

/// The places of a program that lies in `program_folder`, from the environment:
/// shelves are DREAMRUNNER_MODELS, `../models` (a build folder in the source tree) and `../share/dreamrunner/models`
/// (installed); the cache is HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else `hub` in HF_HOME, else `huggingface/hub` in
/// XDG_CACHE_HOME or ~/.cache. Source of the order: huggingface_hub, constants.py.
ModelPlaces model_places(const std::filesystem::path& program_folder);

/// `find_model` with the places given. A folder counts as a model when it holds `model_index.json`.
/// Order: a shelf, for a name without a slash; a folder of that path; the cache, for `ORG/NAME`.
/// The result is absolute. Throws Error(input_file).
std::filesystem::path find_model_in(const ModelPlaces& places, const std::string& name);

/// What people call the model in `folder`: "THUDM/CogVideoX-2b" for a snapshot in a Hugging Face cache, else the folder's name.
std::string model_name(const std::filesystem::path& folder);

}  // namespace dreamrunner
