#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dreamrunner {

/// What stands in the place of `{{name}}`. A section `{{#name}}...{{/name}}` is there if the value is not empty.
using PromptValues = std::map<std::string, std::string>;

/// The two messages that a prompt file makes.
struct Prompt {
  std::string system;  ///< Before the line `[user]`; may be empty.
  std::string user;
};

/// Where prompt files are looked for, first match wins, file by file: `wished` (a folder that the film names; may be
/// empty), DREAMRUNNER_PROMPTS, and for a program that lies in `program_folder` `../prompts` (a build folder in the source
/// tree) and `../share/dreamrunner/prompts` (installed). Throws Error(input_file) for a folder that is named and is none, or
/// holds no prompt at all.
std::vector<std::filesystem::path> prompt_folders(const std::filesystem::path& program_folder, const std::filesystem::path& wished = {});

/// Reads `file` from the first folder that has it and fills it in. Throws Error(input_file) when none has it, and with the
/// line for a placeholder that is not in `values`, or a section that does not end.
Prompt load_prompt(const std::vector<std::filesystem::path>& folders, const std::string& file, const PromptValues& values);

/// Fills in one text. Values are taken as they are: braces in them mean nothing. A line that holds a section's mark only
/// vanishes. Throws as `load_prompt`.
std::string fill_prompt(std::string_view text, const PromptValues& values, const std::string& origin);

}  // namespace dreamrunner
