#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/run_context.h"

namespace dreamrunner {

/// Time as retries see it; tests hand in their own.
struct ChatClock {
  std::function<double()> now_s;                                  ///< Only ever grows.
  std::function<void(double seconds, const RunContext&)> sleep;   ///< Throws Error(interrupted) on a stop.
};

/// The clock of this machine; a stop ends a sleep within a twentieth of a second.
ChatClock system_chat_clock();

/// Which language model is asked and how long it may take. docs/language-models.md explains each.
struct ChatSettings {
  std::string url = "http://127.0.0.1:8080/v1";  ///< `/chat/completions` is put behind it.
  std::string model;                             ///< Empty: not sent; a server with one model needs no name.
  std::string key_env = "DREAMRUNNER_API_KEY";   ///< Name of the environment variable that holds the key; no key if unset.
  std::optional<double> temperature = 0.3;       ///< Empty: the server's own.
  bool use_schema = true;                        ///< Ask for JSON by a schema; given up when the server refuses one.
  double request_timeout_s = 300;                ///< One request: nothing is streamed, so this is the time of a whole reply.
  double stall_s = 120;                          ///< Between two bytes of a reply.
  double deadline_s = 1200;                      ///< One chat: the story, or one scene, all asks and waits together.
  uint64_t max_reply_bytes = 4u << 20;
  int max_retries = 3;                           ///< After faults on the way, for each ask.
  int max_asks_again = 3;                        ///< After replies that are wrong or cut.
  std::optional<uint64_t> jitter_seed;           ///< Of the waits between retries; empty: another one each time.
  std::vector<std::filesystem::path> prompt_folders;  ///< `prompt_folders()` of plan/prompts.h; the first that has a file wins.
};

}  // namespace dreamrunner
