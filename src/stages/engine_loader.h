#pragma once

#include <filesystem>

#include "stages/stages.h"

namespace dreamrunner {

/// The folder of the running program's file, links resolved.
std::filesystem::path program_folder();

/// Opens `libdreamrunner_engine.so` in `folder`, or in `folder/../lib/dreamrunner` as `make install` lays it out, and makes
/// its engine. The library stays open until the process ends; what it made lives as long. `open_engine` calls this once,
/// for the program's own folder.
/// Throws Error(input_file) with the loader's words and the way to get LibTorch when the library is missing, cannot be
/// opened or is not an engine.
Engine& open_engine_beside(const std::filesystem::path& folder);

}  // namespace dreamrunner
