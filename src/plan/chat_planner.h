#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "plan/chat_settings.h"
#include "plan/chat_source.h"
#include "plan/planner.h"

namespace dreamrunner {

/// Plans with a language model on an OpenAI-compatible server. A script is read as it is; a topic, or a story that is no
/// script (`looks_like_story_script`), is put to the model. A reply that is wrong or cut is asked for again with all its
/// faults listed, `max_asks_again` times; then it is Error(plan_refused) and its text is kept, the message says where.
/// `record_folder` receives every ask and reply, so that `make_recorded_planner` can repeat the plan. Throws Error(usage)
/// for settings that cannot be used. docs/language-models.md
std::unique_ptr<Planner> make_chat_planner(const ChatSettings& settings, const std::filesystem::path& record_folder);

/// The planner on top of any source of replies. `prompt_folders` are read when something is asked.
std::unique_ptr<Planner> make_language_planner(std::unique_ptr<ChatSource> source, std::vector<std::filesystem::path> prompt_folders,
                                               int max_asks_again);

/// The name of the chat that plans scene `index` (from 0): "scene-01"; that of the story is "story".
std::string scene_chat_name(size_t index);

}  // namespace dreamrunner
