#pragma once

#include <filesystem>
#include <memory>

#include "plan/planner.h"

namespace dreamrunner {

/// Plans from replies in a folder, offline: those of a recorded chat (`story-1.json`, `scene-01-1.json`, ...), or texts
/// that came some other way (`story-1.txt`, ...). They are read and checked like those of a server. A missing reply is
/// Error(input_file) that names the file; replies that stay wrong are Error(plan_refused).
std::unique_ptr<Planner> make_recorded_planner(const std::filesystem::path& folder);

}  // namespace dreamrunner
