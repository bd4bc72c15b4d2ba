#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/session.h"
#include "plan/lint.h"

namespace dreamrunner {

/// `plan --check`: holds a film's plan, or a plan file alone, against the rules of docs/lint.md and prints what they find
/// like a compiler, or as one event with `--json`. Of a film, its characters, limits and model count too; a model that is
/// not there is noted and its words are not checked. Writes no file. Throws Error(plan_refused) when a finding is an error,
/// and what reading throws.
void check_and_tell(const std::filesystem::path& film_or_plan, const std::vector<std::string>& silenced, Session& session);

}  // namespace dreamrunner
