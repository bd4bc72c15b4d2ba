#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace dreamrunner {

/// The key of a language model. It is sent, and stands nowhere else: whatever is kept or shown goes through `scrub`.
class ChatKey {
 public:
  ChatKey() = default;
  /// From the environment variable `name`; empty when it is unset. Throws Error(usage) for a key with characters that
  /// cannot be sent; the message holds the variable's name and not the key.
  static ChatKey from_environment(const std::string& name);

  bool empty() const { return key_.empty(); }
  /// The header that carries it.
  std::string header() const;
  /// `text` with `<key>` in every place of the key. Keys of fewer than 8 characters ("none", "local") are no secrets.
  std::string scrub(std::string text) const;
  /// The same for every text in a document, names of fields too.
  Json scrub_json(const Json& json) const;

 private:
  std::string key_;
};

/// The schema number of recorded chats.
inline constexpr int kChatRecordSchema = 1;

/// The file of ask `number` of a chat: `FOLDER/scene-02-1.json`; `.txt` with `extension` "txt".
std::filesystem::path chat_file(const std::filesystem::path& folder, const std::string& chat, int number, const char* extension = "json");

/// One ask and what came of it.
struct ChatRecord {
  std::string url;
  Json request;
  std::vector<std::string> failed;  ///< What went wrong before, on the way.
  long status = 0;
  Json body;        ///< The server's reply; a text where it is cut by us.
  std::string cut;  ///< Why `body` is not whole, where that is not in it.
};

/// Writes a record. The first ask of a chat removes what an earlier chat of the same name left, so that a folder never
/// mixes two. Throws Error(storage).
void write_chat_record(const std::filesystem::path& folder, const std::string& chat, int number, const ChatRecord& record);

}  // namespace dreamrunner
