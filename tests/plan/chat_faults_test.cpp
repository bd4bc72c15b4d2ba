// Everything that a language model's server can do wrong, played by a server of our own; 25 seeds each. Whatever happens,
// the end is a valid plan or the right kind of error, in bounded time, tries and bytes, and the key turns up nowhere.

#include <chrono>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "plan/chat_support.h"
#include "story/plan_json.h"

namespace dreamrunner {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::Not;

constexpr int kSeeds = 25;
constexpr int kMostTries = 4;  ///< One and three more, of an ask and of a chat alike.

/// What a fault that never ends must lead to; one that ends in time always leads to a plan.
enum class Ending { unreachable, refused, at_once };

struct Fault {
  std::string name;
  Ending ending;
  std::function<void(Connection&, const std::string& request, std::mt19937_64&)> play;
  bool slow = false;  ///< Ends by a timeout only, so the timeout is short.
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

std::string key_of(const std::string& request) {
  const size_t at = request.find("Bearer ");
  return at == std::string::npos ? "" : request.substr(at + 7, request.find("\r\n", at) - at - 7);
}

/// An answer of these bytes.
Fault answers(std::string name, Ending ending, int status, std::string body, std::string headers = "Content-Type: application/json\r\n") {
  return {std::move(name), ending, [=](Connection& c, const std::string&, std::mt19937_64&) { c.send(http_answer(status, body, headers)); }};
}

/// A chat completion of this content, which is wrong.
Fault says(std::string name, const Json& content, const Json& finish_reason = "stop") {
  return answers(std::move(name), Ending::refused, 200, completion(content, finish_reason));
}

/// The right JSON with one thing wrong.
Fault spoils(std::string name, const std::function<void(Json&)>& spoil) {
  Json scene = mermaid_scene_json();
  spoil(scene);
  return says(std::move(name), scene.dump());
}

Fault plays(std::string name, Ending ending, std::function<void(Connection&)> play, bool slow = false) {
  return {std::move(name), ending, [play](Connection& c, const std::string&, std::mt19937_64&) { play(c); }, slow};
}

void send_for_ever(Connection& c, std::string_view piece) {
  for (int i = 0; i < 100'000 && c.send(piece); ++i) {
  }
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const size_t at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

std::vector<Fault> faults() {
  const std::string good = completion(mermaid_scene_json().dump());
  const std::string text = mermaid_scene_text();
  const std::string html = "Content-Type: text/html; charset=utf-8\r\n";
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  using enum Ending;
  std::vector<Fault> all{
      plays("closes without a byte", unreachable, [](Connection&) {}),
      plays("resets", unreachable, [](Connection& c) { c.reset_at_end(); }),
      plays("resets inside the body", unreachable, [=](Connection& c) { c.send(http_answer(200, good).substr(0, 150)); c.reset_at_end(); }),
      plays("slow first byte", unreachable, [=](Connection& c) { if (c.pause(1)) c.send(http_answer(200, good)); }, true),
      plays("stalls inside the headers", unreachable, [](Connection& c) { c.send("HTTP/1.1 200 OK\r\nContent-"); c.pause(1); }, true),
      plays("stalls inside the body", unreachable, [=](Connection& c) { c.send(http_answer(200, good).substr(0, 150)); c.pause(1); }, true),
      plays("drips", unreachable, [=](Connection& c) { for (const char byte : http_answer(200, good)) if (!c.send({&byte, 1}) || !c.pause(0.01)) return; }, true),
      {"body shorter than its length", unreachable, [=](Connection& c, const std::string&, std::mt19937_64& random) {
         const std::string whole = http_answer(200, good);
         c.send(whole.substr(0, whole.size() - 1 - random() % good.size()));
       }},
      answers("429", unreachable, 429, R"({"error":{"message":"slow down"}})"),
      answers("429 with Retry-After", unreachable, 429, "", "Retry-After: 7\r\n"),
      answers("429 with a date for Retry-After", unreachable, 429, "", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n"),
      answers("429 with nonsense for Retry-After", unreachable, 429, "", "Retry-After: -soon\r\n"),
      answers("408", unreachable, 408, ""),
      answers("500", unreachable, 500, "Internal Server Error"),
      answers("502 with a page", unreachable, 502, "<html><body>Bad Gateway</body></html>", html),
      answers("503 while loading", unreachable, 503, R"({"error":{"code":503,"message":"Loading model"}})"),
      answers("504", unreachable, 504, ""),
      {"503 that shows the key", unreachable, [](Connection& c, const std::string& request, std::mt19937_64&) {
         c.send(http_answer(503, Json{{"error", {{"message", "no room for " + key_of(request)}}}}.dump()));
       }},
      answers("a page", unreachable, 200, "<!doctype html><title>Log in</title>", html),
      answers("empty body", unreachable, 200, ""),
      answers("not JSON", unreachable, 200, "OK", "Content-Type: text/plain\r\n"),
      {"JSON that is cut off", unreachable, [=](Connection& c, const std::string&, std::mt19937_64& random) {
         c.send(http_answer(200, good.substr(0, random() % good.size())));
       }},
      answers("invalid UTF-8", unreachable, 200, replaced(good, "coral", "c\xff\xfe" "al")),
      answers("half a surrogate", unreachable, 200, replaced(good, "coral", "\\ud800")),
      answers("a name twice", unreachable, 200, R"({"choices":[],)" + good.substr(1)),
      answers("no choices", unreachable, 200, R"({"id":"x"})"),
      answers("an empty list of choices", unreachable, 200, R"({"choices":[]})"),
      answers("choices that are a text", unreachable, 200, R"({"choices":"none"})"),
      answers("a choice without a message", unreachable, 200, R"({"choices":[{"finish_reason":"stop"}]})"),
      answers("a content that is a number", unreachable, 200, completion(5)),
      answers("an error with status 200", unreachable, 200, R"({"error":{"message":"model crashed"}})"),
      answers("a list", unreachable, 200, "[1,2,3]"),
      answers("null", unreachable, 200, "null"),
      answers("nested too deep", unreachable, 200, std::string(100'000, '[')),
      answers("packed", unreachable, 200, std::string("\x1f\x8b\x08\x00\x00\x00\x00\x00", 8), "Content-Encoding: gzip\r\n"),
      plays("not HTTP", unreachable, [](Connection& c) { c.send("SSH-2.0-OpenSSH_9.2\r\n"); }),
      {"noise", unreachable, [](Connection& c, const std::string&, std::mt19937_64& random) {
         std::string bytes(1 + random() % 500, '\0');
         for (char& byte : bytes) byte = static_cast<char>(random());
         c.send(bytes);
       }},
      plays("endless headers", unreachable, [](Connection& c) { c.send("HTTP/1.1 200 OK\r\n"); send_for_ever(c, "X-More: " + std::string(2000, 'x') + "\r\n"); }),
      plays("one endless header", unreachable, [](Connection& c) { c.send("HTTP/1.1 200 OK\r\nX-More: "); send_for_ever(c, std::string(2000, 'x')); }),
      plays("100 Continue for ever", unreachable, [](Connection& c) { send_for_ever(c, "HTTP/1.1 100 Continue\r\n\r\n"); }),
      plays("chunks that are none", unreachable, [=](Connection& c) { c.send(chunked + "zz\r\nhello\r\n"); }),
      plays("chunks without an end", unreachable, [=](Connection& c) { c.send(chunked + "5\r\nhello\r\n"); }),

      plays("endless body", refused, [](Connection& c) { c.send("HTTP/1.1 200 OK\r\n\r\n{\"choices\":[{\"message\":{\"content\":\""); send_for_ever(c, std::string(4000, 'a')); }),
      plays("endless chunks", refused, [=](Connection& c) { c.send(chunked); send_for_ever(c, "7d0\r\n" + std::string(2000, 'a') + "\r\n"); }),
      says("finish_reason length", text, "length"),
      says("finish_reason content_filter", "", "content_filter"),
      says("finish_reason tool_calls", nullptr, "tool_calls"),
      says("finish_reason null", text, nullptr),
      says("empty content", ""),
      says("null content", nullptr),
      says("blank content", " \n\t "),
      says("prose", "I would be happy to plan this scene for you! Which style do you like?"),
      says("reasoning without an end", "<think>Let me see, " + text),
      says("reasoning only", "<think>Let me see</think>"),
      says("JSON content that is cut", mermaid_scene_json().dump().substr(0, 300)),
      says("text content that is cut", text.substr(0, text.size() - 30)),
      says("two plans", text + "\nOr better:\n" + text),
      says("two JSON plans", mermaid_scene_json().dump() + "\n" + mermaid_scene_json().dump()),
      says("a name twice in the content", replaced(mermaid_scene_json().dump(), "{\"reasoning\"", "{\"background\":\"x\",\"reasoning\"")),
      says("NaN in a box", replaced(text, "0.9", "nan")),
      says("a control character", replaced(text, "coral", "co\x01ral")),
      spoils("no background", [](Json& j) { j.erase("background"); }),
      spoils("too few key frames", [](Json& j) { j["key_frames"].erase(0); }),
      spoils("too many key frames", [](Json& j) { j["key_frames"].push_back(j["key_frames"][0]); }),
      spoils("key frames that are an object", [](Json& j) { j["key_frames"] = Json::object(); }),
      spoils("nothing in any key frame", [](Json& j) { for (Json& frame : j["key_frames"]) frame["regions"] = Json::array(); }),
      spoils("an inverted box", [](Json& j) { j["key_frames"][1]["regions"][0]["box"] = {0.9, 0.1, 0.2, 0.9}; }),
      spoils("a box in pixels", [](Json& j) { j["key_frames"][1]["regions"][0]["box"] = {72, 10, 700, 400}; }),
      spoils("a box of three", [](Json& j) { j["key_frames"][1]["regions"][0]["box"] = {0, 0, 1}; }),
      spoils("a box of texts", [](Json& j) { j["key_frames"][1]["regions"][0]["box"] = {"0", "0", "1", "1"}; }),
      spoils("an empty caption", [](Json& j) { j["key_frames"][2]["regions"][0]["caption"] = " "; }),
      spoils("an unknown field", [](Json& j) { j["key_frames"][2]["regions"][0]["speed"] = 3; }),

      answers("401", at_once, 401, R"({"error":{"message":"bad key"}})"),
      {"401 that shows the key", at_once, [](Connection& c, const std::string& request, std::mt19937_64&) {
         c.send(http_answer(401, Json{{"error", {{"message", "Incorrect API key provided: " + key_of(request)}}}}.dump()));
       }},
      answers("403", at_once, 403, ""),
      answers("404", at_once, 404, R"({"error":"model \"scripted\" not found"})"),
      answers("204", at_once, 204, ""),
      answers("418", at_once, 418, "short and stout"),
      answers("400 whatever is asked", at_once, 400, R"({"error":{"message":"no"}})"),
  };
  for (const int status : {301, 302, 303, 307, 308}) {
    all.push_back({fmt::format("redirect {}", status), at_once, [status](Connection& c, const std::string& request, std::mt19937_64&) {
                     c.send(http_answer(status, "", fmt::format("Location: /elsewhere?key={}\r\n", key_of(request))));
                   }});
  }
  return all;
}

/// One of the ways in which models dress up a right answer.
std::string right_answer(std::mt19937_64& random) {
  const std::string json = mermaid_scene_json().dump();
  const std::string content[] = {json, mermaid_scene_text(), "```json\n" + mermaid_scene_json().dump(2) + "\n```",
                                 "<think>hm {\"a\": 1}</think>Here it is:\n\n" + json + "\n\nEnjoy!", "Sure!\n```\n" + mermaid_scene_text() + "```\nHope this helps."};
  return http_answer(200, completion(content[random() % std::size(content)]));
}

/// Recorded chats are forced to the disk, thousands of them here; where there is a folder in memory that costs nothing.
class ChatFaults : public testing::TestWithParam<Fault> {
 protected:
  void SetUp() override {
    if (::access("/dev/shm", W_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 1);
  }
  void TearDown() override { ::unsetenv("TMPDIR"); }
};

TEST_P(ChatFaults, EndInAPlanOrInTheRightError) {
  const Fault& fault = GetParam();
  const KeyInEnvironment key;
  for (int seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937_64 random(static_cast<uint64_t>(seed));
    // So many answers are wrong, then they are right.
    const int faulty = fault.ending == Ending::at_once ? 1000 : 1 + static_cast<int>(random() % 6);
    ScriptedServer server([&](Connection& connection, const std::string& request, int number) {
      number < faulty ? fault.play(connection, request, random) : static_cast<void>(connection.send(right_answer(random)));
    });
    const TemporaryFolder folder;
    ChatSettings settings = settings_for(server.url());
    if (fault.slow) settings.request_timeout_s = settings.stall_s = 0.04;
    settings.use_schema = seed % 2 == 0;
    SkippingClock clock;
    NotedProgress progress;
    RunContext run{{}, &progress};
    const auto planner = make_language_planner(make_chat_server(settings, folder / "chat", clock.clock()), settings.prompt_folders, settings.max_asks_again);

    const auto begin = std::chrono::steady_clock::now();
    std::optional<Error> error;
    Scene scene;
    try {
      scene = planner->plan_scene(mermaid_task(), mermaid_story(), 0, run);
    } catch (const Error& caught) {
      error = caught;
    }
    const double took_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const int tries = static_cast<int>(server.count());
    const std::string line = error ? error->line() : "";

    if (!error) {
      EXPECT_EQ(scene.key_frames.size(), 4u);
      EXPECT_EQ(scene.key_frames[3].regions[0].caption, "A [v3] green mermaid is swimming");
      Plan plan;
      plan.scenes = {scene};
      EXPECT_EQ(parse_plan_json(format_plan_json(plan), "p"), plan);
    } else {
      EXPECT_EQ(error->kind(), fault.ending == Ending::refused ? ErrorKind::plan_refused : ErrorKind::language_model) << line;
    }
    // A machine under load may let a right answer time out too; then all tries must have been used.
    if (fault.ending == Ending::at_once) {
      EXPECT_TRUE(error) << tries;
    } else if (!fault.slow) {
      EXPECT_EQ(error.has_value(), faulty >= kMostTries) << line;
    } else if (error) {
      EXPECT_EQ(tries, kMostTries) << line;
    }
    EXPECT_LE(tries, kMostTries) << line;
    EXPECT_LE(clock.slept.size(), 3u);
    EXPECT_LT(took_s, settings.deadline_s);
    // What the sockets' buffers hold comes on top of what was read.
    EXPECT_LT(server.longest_answer(), settings.max_reply_bytes + (8u << 20));

    const std::string secret = "0123456789abcdef";
    EXPECT_THAT(line, Not(HasSubstr(secret)));
    EXPECT_THAT(progress.notes, Not(HasSubstr(secret)));
    for (const auto& [name, bytes] : files_in(folder.path())) {
      EXPECT_THAT(bytes, Not(HasSubstr(secret))) << name;
      EXPECT_LT(bytes.size(), 2 * settings.max_reply_bytes) << name;
    }
    for (const std::string& request : server.requests()) {
      EXPECT_THAT(request, testing::StartsWith("POST /v1/chat/completions ")) << "no redirect is followed";
      EXPECT_EQ(key_of(request), "sk-test-0123456789abcdef");
    }
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Server, ChatFaults, testing::ValuesIn(faults()), [](const auto& fault) {
  std::string name;
  for (const char c : fault.param.name) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

TEST(ChatFaultsAtTheDoor, ARefusedConnectionIsTriedAgainThenUnreachable) {
  const KeyInEnvironment key;
  ScriptedServer server([](Connection&, const std::string&, int) {});
  server.shut();
  for (int seed = 0; seed < kSeeds; ++seed) {
    const TemporaryFolder folder;
    ChatSettings settings = settings_for(server.url());
    settings.jitter_seed = static_cast<uint64_t>(seed);
    SkippingClock clock;
    RunContext run;
    const auto planner = make_language_planner(make_chat_server(settings, folder / "chat", clock.clock()), settings.prompt_folders, 3);
    try {
      planner->plan_scene(mermaid_task(), mermaid_story(), 0, run);
      FAIL() << "nobody listens there";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::language_model);
      EXPECT_THAT(error.line(), HasSubstr("4 tries"));
    }
    ASSERT_EQ(clock.slept.size(), 3u);
    for (int i = 0; i < 3; ++i) {
      EXPECT_GE(clock.slept[static_cast<size_t>(i)], 0.5 * (1 << i));
      EXPECT_LE(clock.slept[static_cast<size_t>(i)], 1.0 * (1 << i));
    }
  }
}

}  // namespace
}  // namespace dreamrunner
