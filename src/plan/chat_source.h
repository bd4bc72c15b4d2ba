#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/run_context.h"

namespace dreamrunner {

/// How a reply is asked for. Either is read whichever was asked for.
enum class ReplyForm { json, text };

/// One turn of a chat.
struct ChatMessage {
  std::string role;  ///< "system", "user" or "assistant".
  std::string text;
};

/// What a language model is asked.
struct ChatRequest {
  std::vector<ChatMessage> messages;
  std::string schema_name;
  Json schema;  ///< JSON Schema of the reply, for the form `json`.
};

/// What it answered.
struct ChatReply {
  std::string text;
  std::string cut;  ///< Why the reply is not whole, such as "finish_reason is length"; empty when it is.
};

/// Where replies come from: a server, or a folder of recorded ones.
class ChatSource {
 public:
  virtual ~ChatSource() = default;

  /// A new chat begins, such as "story" or "scene-02". Its asks are numbered from 1, its deadline counts from here.
  virtual void begin(const std::string& name) = 0;

  /// The reply to the next ask of the chat. `request` makes what is asked in a form; it is called when and as often as
  /// needed. Throws Error(language_model) where nothing comes through, Error(interrupted).
  virtual ChatReply ask(const std::function<ChatRequest(ReplyForm)>& request, RunContext& run) = 0;

  /// Whether there is a point in asking again.
  virtual bool can_ask_again() const = 0;

  /// Keeps the text of a reply that was refused where a person can read it; returns where.
  virtual std::filesystem::path keep(std::string_view reply) = 0;
};

}  // namespace dreamrunner
