#pragma once

#include <filesystem>
#include <memory>

#include "plan/chat_settings.h"
#include "plan/chat_source.h"

namespace dreamrunner {

/// Asks an OpenAI-compatible server (`POST URL/chat/completions`) and records every ask with its reply in
/// `record_folder`, as `recorded_planner.h` reads it.
///
/// Faults on the way (refused, timed out, 429, 5xx, not a chat completion) are tried again after growing, jittered waits,
/// `Retry-After` respected; a status that trying again cannot mend, or no time left, is Error(language_model). A server
/// that refuses the schema or the temperature (400, 422) is asked without. Throws Error(usage) for an unusable address
/// or key.
std::unique_ptr<ChatSource> make_chat_server(const ChatSettings& settings, const std::filesystem::path& record_folder,
                                             ChatClock clock = system_chat_clock());

}  // namespace dreamrunner
