#include "plan/chat_server.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <thread>
#include <variant>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "plan/chat_record.h"
#include "plan/chat_reply.h"
#include "plan/http_client.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// A fault that may be gone at the next try.
struct TryAgain {
  std::string reason;
  double wait_s = 0;  ///< What the server asks for; 0: nothing.
};

/// The server took offence at a part of the request that we can do without.
struct AskedLess {
  std::string what;
};

using Outcome = std::variant<ChatReply, TryAgain, AskedLess>;

class ChatServer : public ChatSource {
 public:
  ChatServer(const ChatSettings& settings, fs::path record_folder, ChatClock clock)
      : settings_(settings), record_folder_(std::move(record_folder)), clock_(std::move(clock)),
        key_(ChatKey::from_environment(settings.key_env)), temperature_(settings.temperature),
        form_(settings.use_schema ? ReplyForm::json : ReplyForm::text),
        random_(settings.jitter_seed ? *settings.jitter_seed : std::random_device()()) {
    check_http_url(settings.url);
    url_ = settings.url;
    while (url_.ends_with('/')) url_.pop_back();
    url_ += "/chat/completions";
  }

  void begin(const std::string& name) override {
    chat_ = name;
    asks_ = 0;
    deadline_ = clock_.now_s() + settings_.deadline_s;
  }

  ChatReply ask(const std::function<ChatRequest(ReplyForm)>& request, RunContext& run) override {
    ++asks_;
    say_where_key_goes(run);
    std::vector<std::string> failed;
    while (true) {
      Outcome outcome = attempt(body_of(request(form_)), failed, run);
      if (auto* reply = std::get_if<ChatReply>(&outcome)) return std::move(*reply);
      if (const auto* less = std::get_if<AskedLess>(&outcome)) {
        run.report().note(fmt::format("the language model's server takes no {}; asking without", less->what));
        continue;
      }
      const TryAgain& again = std::get<TryAgain>(outcome);
      failed.push_back(again.reason);
      wait_before_retry(again, static_cast<int>(failed.size()), run);
    }
  }

  bool can_ask_again() const override { return true; }

  fs::path keep(std::string_view reply) override {
    const fs::path path = chat_file(record_folder_, chat_, std::max(asks_, 1), "txt");
    make_folders(record_folder_);
    write_file_atomic(path, key_.scrub(std::string(reply)));
    return path;
  }

 private:
  Json body_of(const ChatRequest& request) const {
    Json body = Json::object();
    if (!settings_.model.empty()) body["model"] = settings_.model;
    body["messages"] = Json::array();
    for (const ChatMessage& message : request.messages) body["messages"].push_back({{"role", message.role}, {"content", message.text}});
    if (temperature_) body["temperature"] = *temperature_;
    body["stream"] = false;
    if (form_ == ReplyForm::json) {
      body["response_format"] = {{"type", "json_schema"},
                                 {"json_schema", {{"name", request.schema_name}, {"strict", true}, {"schema", request.schema}}}};
    }
    return body;
  }

  Outcome attempt(const Json& request, const std::vector<std::string>& failed, RunContext& run) {
    const double left = deadline_ - clock_.now_s();
    if (left <= 0) fail(fmt::format("no usable reply within {:.3g} s", settings_.deadline_s));
    const std::string bytes = request.dump(-1, ' ', false, Json::error_handler_t::replace);
    HttpPost post{url_, {"Content-Type: application/json"}, bytes};
    if (!key_.empty()) post.headers.push_back(key_.header());
    HttpReply reply;
    try {
      reply = http_post(post, {std::min(settings_.request_timeout_s, left), settings_.stall_s, settings_.max_reply_bytes}, run);
    } catch (const HttpFault& fault) {
      return TryAgain{shown(fault.what())};
    }
    if (reply.status != 200) return other_status(reply, request);

    ChatRecord record{url_, key_.scrub_json(request), failed, reply.status, {}, {}};
    if (reply.too_long) {
      // The text is not worth keeping whole: it goes on and on.
      constexpr size_t kKept = 16u << 10;
      record.cut = fmt::format("the reply is longer than {} bytes", settings_.max_reply_bytes);
      record.body = key_.scrub(reply.body).substr(0, kKept);
      write_chat_record(record_folder_, chat_, asks_, record);
      return ChatReply{"", record.cut};
    }
    try {
      const Json body = parse_json(reply.body, "reply", {64, settings_.max_reply_bytes});
      ChatReply read = read_chat_completion(body);
      record.body = key_.scrub_json(body);
      write_chat_record(record_folder_, chat_, asks_, record);
      read.text = key_.scrub(std::move(read.text));
      read.cut = read.cut.empty() ? "" : shown(read.cut);
      return read;
    } catch (const HttpFault& fault) {
      return TryAgain{shown(fault.what())};
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::input_file) throw;
      if (reply.body.empty()) return TryAgain{"the reply is empty"};
      const bool page = reply.content_type.starts_with("text/html");
      return TryAgain{fmt::format("the reply is {}: {}", page ? "a web page, not a chat completion" : "not JSON",
                                  shown(page ? reply.body : std::string(error.what())))};
    }
  }

  /// Anything but 200: a wait, a smaller wish, or the end.
  Outcome other_status(const HttpReply& reply, const Json& request) {
    const std::string said = shown(server_message(reply.body));
    const std::string what = said.empty() ? fmt::format("status {}", reply.status) : fmt::format("status {}: {}", reply.status, said);
    const long status = reply.status;
    if (status == 408 || status == 425 || status == 429 || status >= 500) return TryAgain{what, reply.retry_after_s};
    if (status >= 300 && status < 400) {
      fail(fmt::format("status {}: a redirect to {}, which is not followed", status, shown(reply.location)),
           "write the address that answers itself into planner.url");
    }
    if (status == 400 || status == 422) {
      if (temperature_ && said.find("temperature") != std::string::npos) {
        temperature_.reset();
        return AskedLess{"temperature"};
      }
      if (request.contains("response_format")) {
        form_ = ReplyForm::text;
        return AskedLess{"JSON schema"};
      }
    }
    if (status == 401 || status == 403) fail(what, fmt::format("set the environment variable {} to a valid key", settings_.key_env));
    if (status == 404) fail(what, "look at planner.url (it usually ends in /v1) and planner.model");
    fail(what);
  }

  /// What came from outside, fit for a message. The key goes first: cut in two it would not be found.
  std::string shown(const std::string& text) const {
    constexpr size_t kShownBytes = 200;
    return one_line(key_.scrub(text), kShownBytes);
  }

  void wait_before_retry(const TryAgain& again, int failures, RunContext& run) {
    if (failures > settings_.max_retries) fail(fmt::format("no usable reply in {} tries; the last: {}", failures, again.reason));
    constexpr double kFirst_s = 1;
    constexpr double kLongest_s = 30;
    // Half of the wait is drawn, so that many films that lost the same server do not come back in step.
    const double grown = std::min(kLongest_s, kFirst_s * std::exp2(failures - 1));
    const double wait = std::max(grown * std::uniform_real_distribution<double>(0.5, 1)(random_), again.wait_s);
    if (clock_.now_s() + wait >= deadline_) {
      fail(fmt::format("{}; the next try would be in {:.3g} s, past the deadline of {:.3g} s", again.reason, wait, settings_.deadline_s));
    }
    run.report().note(fmt::format("the language model: {}; trying again in {:.2g} s", again.reason, wait));
    clock_.sleep(wait, run);
  }

  /// A film that came from somebody else names both the server and the variable; who runs it shall see where a key goes.
  void say_where_key_goes(RunContext& run) {
    if (said_ || key_.empty() || is_loopback(url_)) return;
    said_ = true;
    const bool open = url_.starts_with("http:");
    run.report().note(fmt::format("the key in {} goes to {}{}", settings_.key_env, url_, open ? ", unencrypted: it is http, not https" : ""));
  }

  [[noreturn]] void fail(const std::string& what, const std::string& hint = "is the server running? docs/language-models.md says how to try it; "
                                                                           "the layout planner and recorded replies need none") const {
    throw Error(ErrorKind::language_model, fmt::format("{}: {}", url_, what), hint);
  }

  ChatSettings settings_;
  fs::path record_folder_;
  ChatClock clock_;
  ChatKey key_;
  std::optional<double> temperature_;
  ReplyForm form_;
  std::mt19937_64 random_;
  std::string url_;
  std::string chat_;
  int asks_ = 0;
  double deadline_ = 0;
  bool said_ = false;
};

}  // namespace

ChatClock system_chat_clock() {
  using Steady = std::chrono::steady_clock;
  const auto now_s = [] { return std::chrono::duration<double>(Steady::now().time_since_epoch()).count(); };
  return {now_s, [now_s](double seconds, const RunContext& run) {
            for (const double end = now_s() + seconds; now_s() < end;) {
              run.check();
              std::this_thread::sleep_for(std::chrono::duration<double>(std::min(0.05, std::max(0.0, end - now_s()))));
            }
            run.check();
          }};
}

std::unique_ptr<ChatSource> make_chat_server(const ChatSettings& settings, const fs::path& record_folder, ChatClock clock) {
  return std::make_unique<ChatServer>(settings, record_folder, std::move(clock));
}

}  // namespace dreamrunner
