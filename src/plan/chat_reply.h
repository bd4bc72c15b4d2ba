#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "plan/chat_source.h"

namespace dreamrunner {

/// What a server's "chat completion" says: the text of its first choice, and whether it is whole. `finish_reason` other
/// than "stop" means it is cut. Throws HttpFault with what is wrong where `body` is no chat completion.
ChatReply read_chat_completion(const Json& body);

/// What a server says about an error, from `{"error": {"message": ...}}`, `{"error": ...}`, `{"message": ...}`,
/// `{"detail": ...}` or the text itself, whole.
std::string server_message(std::string_view body);

/// `text` as one line of at most `limit` bytes, without control characters; bytes that are not ASCII become `?`.
std::string one_line(std::string_view text, size_t limit);

}  // namespace dreamrunner
