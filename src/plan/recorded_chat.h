#pragma once

#include <filesystem>
#include <memory>

#include "plan/chat_source.h"

namespace dreamrunner {

/// Answers from a folder, offline: ask K of chat NAME from `NAME-K.json`, as a chat was recorded, or from `NAME-K.txt`,
/// the bare text of a reply. What is asked does not matter. A missing file is Error(input_file) with its name, a damaged
/// one too.
std::unique_ptr<ChatSource> make_recorded_chat(const std::filesystem::path& folder);

}  // namespace dreamrunner
