#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"
#include "base/safetensors_index.h"

namespace dreamrunner {

/// How far `inspect` looks.
struct InspectOptions {
  bool all = false;   ///< List every tensor and scene.
  bool deep = false;  ///< Read every value, to find NaN and infinity.
};

/// Says what is in a file or folder, told by its content: a film, a model or one part of it, a shard index, safetensors, a
/// plan, a video, a picture. The report fits one screen and is laid out by `render_report`.
/// Throws Error(input_file) for what is missing, damaged or nothing of these.
Json inspect_path(const std::filesystem::path& path, const InspectOptions& options);

// The kinds, each in a file of its own.

/// Tensors: count, parameters, types, what a LoRA says of itself, metadata, names. With `deep` the number of values that are NaN or infinite, and
/// `bad_tensors`, the names of the tensors that hold one.
Json inspect_safetensors(const std::filesystem::path& file, const InspectOptions& options);
/// What the header of a LoRA tells without its numbers: whose it is (`dreamrunner` metadata), how many modules, their ranks, and
/// where their strength comes from. Null for a file without names of a LoRA.
Json inspect_lora(const SafetensorsIndex& index, const std::filesystem::path& file);
/// A folder with model_index.json: parts, sizes, parameters and what decides the sizes.
Json inspect_model(const std::filesystem::path& folder, const InspectOptions& options);
/// One part of a model: a folder with config.json.
Json inspect_model_part(const std::filesystem::path& folder, const InspectOptions& options);
/// A folder with film.toml: scenes, and what is done, stale and missing.
Json inspect_film(const std::filesystem::path& folder, const InspectOptions& options);
Json inspect_plan(const std::filesystem::path& file, const InspectOptions& options);
Json inspect_video(const std::filesystem::path& file);
Json inspect_png(const std::filesystem::path& file);
/// A picture of another kind, by its header.
Json inspect_picture(const std::filesystem::path& file);

}  // namespace dreamrunner
