#include "plan/recorded_chat.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "plan/chat_record.h"
#include "plan/chat_reply.h"
#include "plan/http_client.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// Larger than any reply with the question that it was recorded with.
constexpr JsonLimits kRecordLimits{64, 32u << 20};

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

ChatReply read_record(const fs::path& path) {
  const Json record = read_json_file(path, kRecordLimits);
  const auto damaged = [&](const std::string& what) { return Error(ErrorKind::input_file, fmt::format("{}: {}", path.string(), what)); };
  if (!record.is_object() || !record.contains("schema") || record["schema"] != kChatRecordSchema) {
    throw damaged(fmt::format("is no recorded chat of schema {}", kChatRecordSchema));
  }
  if (const auto cut = record.find("cut"); cut != record.end()) return {"", cut->is_string() ? cut->get<std::string>() : "the reply is cut"};
  if (!record.contains("reply")) throw damaged("holds no reply");
  try {
    ChatReply reply = read_chat_completion(record["reply"]);
    reply.cut = one_line(reply.cut, 200);
    return reply;
  } catch (const HttpFault& fault) {
    throw damaged(fmt::format("/reply: {}", one_line(fault.what(), 200)));
  }
}

class RecordedChat : public ChatSource {
 public:
  explicit RecordedChat(fs::path folder) : folder_(std::move(folder)) {}

  void begin(const std::string& name) override {
    chat_ = name;
    asks_ = 0;
  }

  ChatReply ask(const std::function<ChatRequest(ReplyForm)>&, RunContext& run) override {
    run.check();
    ++asks_;
    // A person's words go before what was recorded: a refused reply lies there as text too, to be mended.
    if (const fs::path text = file("txt"); is_there(text)) return {read_file(text, kRecordLimits.max_bytes), ""};
    if (const fs::path record = file("json"); is_there(record)) return read_record(record);
    throw Error(ErrorKind::input_file, fmt::format("{}: a recorded reply is missing (also looked for {})", file("json").string(), file("txt").filename().string()),
                "plan with a language model first (planner.kind = \"chat\"), or write the reply into the .txt file yourself");
  }

  bool can_ask_again() const override { return is_there(chat_file(folder_, chat_, asks_ + 1)) || is_there(chat_file(folder_, chat_, asks_ + 1, "txt")); }

  fs::path keep(std::string_view) override { return is_there(file("txt")) ? file("txt") : file("json"); }

 private:
  fs::path file(const char* extension) const { return chat_file(folder_, chat_, asks_, extension); }

  fs::path folder_;
  std::string chat_;
  int asks_ = 0;
};

}  // namespace

std::unique_ptr<ChatSource> make_recorded_chat(const fs::path& folder) { return std::make_unique<RecordedChat>(folder); }

}  // namespace dreamrunner
