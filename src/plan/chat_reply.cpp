#include "plan/chat_reply.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "plan/http_client.h"

namespace dreamrunner {
namespace {

const Json* member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

/// A content is a text, or a list of parts of which some are texts.
std::string text_of(const Json& content) {
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  if (!content.is_array()) return text;
  for (const Json& part : content) {
    const Json* piece = member(part, "text");
    if (piece != nullptr && piece->is_string()) text += piece->get_ref<const std::string&>();
  }
  return text;
}

}  // namespace

ChatReply read_chat_completion(const Json& body) {
  const Json* choices = member(body, "choices");
  if (choices == nullptr || !choices->is_array() || choices->empty()) {
    if (member(body, "error") != nullptr) throw HttpFault("the server says: " + server_message(body.dump()));
    throw HttpFault("the reply is no chat completion: it has no choices");
  }
  const Json& choice = choices->front();
  const Json* message = member(choice, "message");
  if (message == nullptr || !message->is_object()) throw HttpFault("the reply is no chat completion: its choice has no message");
  ChatReply reply;
  if (const Json* content = member(*message, "content")) {
    if (!content->is_string() && !content->is_array() && !content->is_null()) {
      throw HttpFault(fmt::format("the reply is no chat completion: its content is {}", content->type_name()));
    }
    reply.text = text_of(*content);
  }
  const Json* reason = member(choice, "finish_reason");
  if (reason == nullptr || !reason->is_string()) {
    reply.cut = "the server does not say whether the reply is whole (no finish_reason)";
  } else if (*reason != "stop") {
    reply.cut = fmt::format("the reply is cut: finish_reason is \"{}\", expected \"stop\"", reason->get<std::string>());
  } else if (const Json* refusal = member(*message, "refusal"); refusal != nullptr && refusal->is_string() && reply.text.empty()) {
    reply.cut = "the model refuses: " + refusal->get<std::string>();
  }
  return reply;
}

std::string server_message(std::string_view body) {
  try {
    const Json json = parse_json(body, "reply");
    const Json* found = &json;
    for (const char* name : {"error", "message", "detail"}) {
      if (const Json* inner = member(*found, name)) found = inner;
    }
    return found->is_string() ? found->get<std::string>() : found->dump(-1, ' ', false, Json::error_handler_t::replace);
  } catch (const Error&) {
    return std::string(body);
  }
}

std::string one_line(std::string_view text, size_t limit) {
  std::string line;
  for (const char c : text.substr(0, std::min(text.size(), 4 * limit))) {
    const auto byte = static_cast<unsigned char>(c);
    const bool blank = byte <= ' ';
    if (blank && (line.empty() || line.back() == ' ')) continue;
    line += blank ? ' ' : byte < 0x7f ? c : '?';
    if (line.size() >= limit) return line + "...";
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace dreamrunner
