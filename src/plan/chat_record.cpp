#include "plan/chat_record.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"

namespace dreamrunner {
namespace fs = std::filesystem;

ChatKey ChatKey::from_environment(const std::string& name) {
  ChatKey key;
  const char* value = name.empty() ? nullptr : std::getenv(name.c_str());
  if (value == nullptr) return key;
  key.key_ = value;
  // What `export KEY="$(cat file)"` on other systems leaves behind.
  while (!key.key_.empty() && std::string_view(" \t\r\n").find(key.key_.back()) != std::string_view::npos) key.key_.pop_back();
  const bool plain = std::all_of(key.key_.begin(), key.key_.end(), [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
  if (!plain || key.key_.size() > 4096) {
    throw Error(ErrorKind::usage, fmt::format("{}: the key in this environment variable has characters that cannot be sent", name),
                "a key is one word of printable ASCII without quotation marks");
  }
  return key;
}

std::string ChatKey::header() const { return "Authorization: Bearer " + key_; }

std::string ChatKey::scrub(std::string text) const {
  constexpr size_t kShortestSecret = 8;
  constexpr std::string_view kInstead = "<key>";
  if (key_.size() < kShortestSecret) return text;
  for (size_t at = text.find(key_); at != std::string::npos; at = text.find(key_, at + kInstead.size())) text.replace(at, key_.size(), kInstead);
  return text;
}

Json ChatKey::scrub_json(const Json& json) const {
  // A key has no character that JSON writes with a backslash, so its place in the text of a document is its place in it.
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::string clean = scrub(text);
  if (clean == text) return json;
  // Two names that differed in the key only would now be one; then the document is kept as a text.
  try {
    return parse_json(clean, "record");
  } catch (const Error&) {
    return clean;
  }
}

fs::path chat_file(const fs::path& folder, const std::string& chat, int number, const char* extension) {
  return folder / fmt::format("{}-{}.{}", chat, number, extension);
}

void write_chat_record(const fs::path& folder, const std::string& chat, int number, const ChatRecord& record) {
  make_folders(folder);
  if (number == 1) {
    std::error_code ignored;
    for (int old = 1; old < 100; ++old) {
      for (const char* extension : {"json", "txt"}) fs::remove(chat_file(folder, chat, old, extension), ignored);
    }
  }
  Json json = {{"schema", kChatRecordSchema}, {"chat", chat}, {"ask", number}, {"url", record.url}, {"request", record.request}};
  if (!record.failed.empty()) json["failed"] = record.failed;
  json["status"] = record.status;
  if (!record.cut.empty()) json["cut"] = record.cut;
  json["reply"] = record.body;
  write_file_atomic(chat_file(folder, chat, number), json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace dreamrunner
