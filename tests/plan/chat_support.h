#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "base/run_context.h"
#include "plan/chat_planner.h"
#include "plan/chat_server.h"
#include "plan/planner.h"
#include "plan/prompts.h"
#include "support/scripted_server.h"
#include "support/temporary_folder.h"

namespace dreamrunner::test {

/// A key that must turn up nowhere, and the variable that holds it while the object lives.
class KeyInEnvironment {
 public:
  static constexpr const char* kName = "DREAMRUNNER_TEST_KEY";
  explicit KeyInEnvironment(const char* key = "sk-test-0123456789abcdef") { ::setenv(kName, key, 1); }
  ~KeyInEnvironment() { ::unsetenv(kName); }
  KeyInEnvironment(const KeyInEnvironment&) = delete;
  KeyInEnvironment& operator=(const KeyInEnvironment&) = delete;
};

/// Sleeps that take no time: they are noted, and the clock is put forward.
struct SkippingClock {
  std::vector<double> slept;
  double skipped = 0;

  ChatClock clock() {
    const auto now = system_chat_clock().now_s;
    return {[this, now] { return now() + skipped; },
            [this](double seconds, const RunContext& run) {
              run.check();
              slept.push_back(seconds);
              skipped += seconds;
            }};
  }
};

/// Keeps what is reported.
class NotedProgress : public Progress {
 public:
  void note(std::string_view message) override { notes += std::string(message) + '\n'; }
  std::string notes;
};

inline std::filesystem::path shipped_prompts() { return std::filesystem::path(DREAMRUNNER_SOURCE_DIR) / "prompts"; }

inline ChatSettings settings_for(const std::string& url) {
  ChatSettings settings;
  settings.url = url;
  settings.model = "scripted";
  settings.key_env = KeyInEnvironment::kName;
  settings.request_timeout_s = 5;
  settings.stall_s = 5;
  settings.deadline_s = 200;
  settings.max_reply_bytes = 256u << 10;
  settings.jitter_seed = 1;
  settings.prompt_folders = {shipped_prompts()};
  return settings;
}

inline PlanningTask mermaid_task() {
  PlanningTask task;
  task.topic = "the mermaid's quiet day";
  task.characters = {{"mermaid", "[v3]", "green mermaid"}};
  task.key_frames = 4;
  task.min_scenes = 2;
  task.max_scenes = 3;
  return task;
}

inline StoryPlan mermaid_story() {
  return {{{"coral reef", {"swimming"}, "The mermaid is swimming through the coral reef."},
           {"lagoon", {"floating", "spinning"}, "The mermaid is floating in the lagoon. Then she is spinning."}}};
}

/// A right answer for scene 1 of `mermaid_story`, as JSON.
inline Json mermaid_scene_json() {
  Json frames = Json::array();
  for (int i = 0; i < 4; ++i) {
    frames.push_back({{"regions", {{{"character", "Mermaid"}, {"motion", "swimming"}, {"caption", "A green mermaid is swimming"},
                                    {"box", {i / 10.0, 0.1, (i + 5) / 10.0, 0.9}}}}}});
  }
  return {{"reasoning", "She crosses the picture."}, {"background", "the coral reef"}, {"key_frames", frames}};
}

/// The same in words.
inline std::string mermaid_scene_text() {
  std::string text = "Reasoning: she crosses the picture.\n\nBackground: the coral reef\n";
  for (int i = 0; i < 4; ++i) {
    text += fmt::format("Frame_{}: [[\"Mermaid\", \"swimming\", \"A green mermaid is swimming\"], [{:.1f}, 0.1, {:.1f}, 0.9]]\n", i + 1, i / 10.0, (i + 5) / 10.0);
  }
  return text;
}

inline Json mermaid_story_json() {
  Json scenes = Json::array();
  for (const StoryScene& scene : mermaid_story().scenes) scenes.push_back({{"place", scene.place}, {"motions", scene.motions}, {"narration", scene.narration}});
  return {{"scenes", scenes}};
}

/// A chat completion that says `content`.
inline std::string completion(const Json& content, const Json& finish_reason = "stop") {
  return Json{{"id", "c1"}, {"object", "chat.completion"},
              {"choices", {{{"index", 0}, {"message", {{"role", "assistant"}, {"content", content}}}, {"finish_reason", finish_reason}}}}}.dump();
}

/// Every file below `folder` with its bytes.
inline std::map<std::string, std::string> files_in(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  if (!std::filesystem::exists(folder)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    files[entry.path().filename().string()] = {std::istreambuf_iterator<char>(in), {}};
  }
  return files;
}

}  // namespace dreamrunner::test
