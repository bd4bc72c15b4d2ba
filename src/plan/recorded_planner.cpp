#include "plan/recorded_planner.h"

#include "plan/chat_planner.h"
#include "plan/recorded_chat.h"

namespace dreamrunner {

std::unique_ptr<Planner> make_recorded_planner(const std::filesystem::path& folder) {
  // The folder says how often was asked: the planner goes on while there is another reply.
  constexpr int kAsLongAsThereAreReplies = 100;
  return make_language_planner(make_recorded_chat(folder), {}, kAsLongAsThereAreReplies);
}

}  // namespace dreamrunner
