#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "story/plan_types.h"

namespace dreamrunner {

/// The bytes of a file that should hold a plan. Throws Error(input_file) for a file that cannot be read,
/// Error(plan_refused) for one that is too large or UTF-16.
std::string read_plan_file(const std::filesystem::path& path);

/// Reads a plan file, told apart by what it holds: our JSON (docs/plans.md), the text of one frame plan, or the JSON
/// Lines of the released plans (each line a scene; blank lines are skipped). Throws Error(input_file) for a file that
/// cannot be read, Error(plan_refused) with file, line and column of every fault.
Plan load_plan(const std::filesystem::path& path);

/// Scene `number` of a plan file, from 1; of JSON Lines it is the line `number`, and the other lines may be bad. Throws
/// as `load_plan` does, and Error(usage) for a number the file has no scene for.
Scene load_scene(const std::filesystem::path& path, size_t number);

}  // namespace dreamrunner
