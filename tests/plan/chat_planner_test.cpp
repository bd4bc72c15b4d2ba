#include "plan/chat_planner.h"

#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "plan/chat_record.h"
#include "plan/chat_support.h"
#include "plan/recorded_planner.h"
#include "support/error_of.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// The JSON that a request carries.
Json asked(const std::string& request) { return parse_json(request.substr(request.find("\r\n\r\n") + 4), "request"); }

/// A server that gives these answers in turn, and the last of them from then on.
ScriptedServer::Script in_turn(std::vector<std::string> answers) {
  return [answers](Connection& c, const std::string&, int number) { c.send(answers[std::min(static_cast<size_t>(number), answers.size() - 1)]); };
}

std::string ok(const Json& content, const Json& finish_reason = "stop") { return http_answer(200, completion(content, finish_reason)); }

/// A planner that asks a scripted server, and what is around it.
struct Desk {
  explicit Desk(ScriptedServer::Script script) : server(std::move(script)), settings(settings_for(server.url())) {}

  std::unique_ptr<Planner> planner() {
    return make_language_planner(make_chat_server(settings, chat(), clock.clock()), settings.prompt_folders, settings.max_asks_again);
  }
  Scene scene() { return planner()->plan_scene(mermaid_task(), mermaid_story(), 0, run); }
  std::filesystem::path chat() const { return folder / "chat"; }

  KeyInEnvironment key;
  TemporaryFolder folder;
  ScriptedServer server;
  ChatSettings settings;
  SkippingClock clock;
  NotedProgress progress;
  RunContext run{{}, &progress};
};

TEST(ChatPlanner, AsksForJsonByASchema) {
  Desk desk(in_turn({ok(mermaid_scene_json().dump())}));
  const Scene scene = desk.scene();
  EXPECT_EQ(scene.place, "coral reef");
  EXPECT_EQ(scene.motions, mermaid_story().scenes[0].motions);
  EXPECT_EQ(scene.narration, mermaid_story().scenes[0].narration);
  EXPECT_EQ(scene.background, "the coral reef");
  EXPECT_EQ(scene.key_frames[0].regions[0].character, "mermaid");

  const Json request = asked(desk.server.requests()[0]);
  EXPECT_EQ(request["model"], "scripted");
  EXPECT_EQ(request["stream"], false);
  EXPECT_EQ(request["temperature"], 0.3);
  EXPECT_EQ(request["response_format"]["type"], "json_schema");
  EXPECT_EQ(request["response_format"]["json_schema"]["schema"]["properties"]["key_frames"]["minItems"], 4);
  ASSERT_EQ(request["messages"].size(), 2u);
  EXPECT_THAT(request["messages"][0]["content"].get<std::string>(), HasSubstr("\"key_frames\": ["));
  const std::string question = request["messages"][1]["content"];
  EXPECT_THAT(question, HasSubstr("Scene 1 of 2, 4 key frames"));
  EXPECT_THAT(question, HasSubstr("Motions: swimming\n"));
  EXPECT_THAT(question, HasSubstr("- mermaid: called \"[v3] green mermaid\" in captions"));
}

TEST(ChatPlanner, PlansAStoryFromATopic) {
  Desk desk(in_turn({ok(mermaid_story_json().dump())}));
  EXPECT_EQ(desk.planner()->plan_story(mermaid_task(), desk.run), mermaid_story());
  EXPECT_THAT(desk.server.requests()[0], HasSubstr("Topic: the mermaid's quiet day"));
}

TEST(ChatPlanner, TellsAStoryInProseButReadsAScriptItself) {
  Desk desk(in_turn({ok(mermaid_story_json().dump())}));
  PlanningTask task = mermaid_task();
  task.topic.clear();
  task.script = "Scene 1: pond\nMotions:\nswimming\nNarration:\nThe duck is swimming.\n";
  EXPECT_EQ(desk.planner()->plan_story(task, desk.run).scenes[0].place, "pond");
  EXPECT_EQ(desk.server.count(), 0u) << "a script needs no model";
  task.script = "One morning the mermaid went out to the reef.";
  EXPECT_EQ(desk.planner()->plan_story(task, desk.run), mermaid_story());
  EXPECT_THAT(desk.server.requests()[0], HasSubstr("One morning the mermaid went out"));
  task.script.clear();
  expect_error(ErrorKind::usage, [&] { desk.planner()->plan_story(task, desk.run); });
}

TEST(ChatPlanner, HasOtherPromptsAndLimitsForSeveralCharacters) {
  Desk desk(in_turn({ok(mermaid_story_json().dump())}));
  PlanningTask task = mermaid_task();
  task.characters.push_back({"octopus", "", "purple octopus"});
  task.max_motions = 4;
  desk.planner()->plan_story(task, desk.run);
  const Json request = asked(desk.server.requests()[0]);
  EXPECT_THAT(request["messages"][0]["content"].get<std::string>(), HasSubstr("At least 1 and at most 4 a scene, all characters together"));
  EXPECT_THAT(request["messages"][1]["content"].get<std::string>(), HasSubstr("- octopus: called \"purple octopus\" in captions"));
}

TEST(ChatPlanner, AsksInWordsWhereTheServerTakesNoSchema) {
  for (const int status : {400, 422}) {
    Desk desk(in_turn({http_answer(status, R"({"error":{"message":"response_format is not supported"}})"), ok(mermaid_scene_text())}));
    EXPECT_EQ(desk.scene().key_frames.size(), 4u);
    ASSERT_EQ(desk.server.count(), 2u);
    const Json second = asked(desk.server.requests()[1]);
    EXPECT_FALSE(second.contains("response_format"));
    EXPECT_THAT(second["messages"][0]["content"].get<std::string>(), HasSubstr("Frame_1: [["));
    EXPECT_THAT(second["messages"][0]["content"].get<std::string>(), Not(HasSubstr("\"key_frames\"")));
    EXPECT_THAT(desk.progress.notes, HasSubstr("takes no JSON schema"));
    EXPECT_TRUE(desk.clock.slept.empty()) << "nothing to wait for";
  }
}

TEST(ChatPlanner, LeavesTheTemperatureOutWhereTheServerTakesNone) {
  Desk desk(in_turn({http_answer(400, R"({"error":{"message":"Unsupported value: 'temperature' does not support 0.3"}})"), ok(mermaid_scene_json().dump())}));
  desk.scene();
  const Json second = asked(desk.server.requests()[1]);
  EXPECT_FALSE(second.contains("temperature"));
  EXPECT_TRUE(second.contains("response_format"));
}

TEST(ChatPlanner, AsksAgainWithEveryFaultListed) {
  Json bad = mermaid_scene_json();
  bad["key_frames"][1]["regions"][0]["box"] = {0.9, 0.1, 0.2, 0.9};
  bad["key_frames"][2]["regions"][0]["caption"] = "";
  Desk desk(in_turn({ok(bad.dump()), ok(mermaid_scene_json().dump())}));
  desk.scene();
  ASSERT_EQ(desk.server.count(), 2u);
  const Json messages = asked(desk.server.requests()[1])["messages"];
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[2], (Json{{"role", "assistant"}, {"content", bad.dump()}}));
  EXPECT_EQ(messages[3]["role"], "user");
  const std::string faults = messages[3]["content"];
  EXPECT_THAT(faults, HasSubstr("/key_frames/1/regions/0/box"));
  EXPECT_THAT(faults, HasSubstr("left 0.9 is beyond right 0.2"));
  EXPECT_THAT(faults, HasSubstr("/key_frames/2/regions/0/caption: is empty"));
}

TEST(ChatPlanner, NeverUsesACutReplyAndDoesNotShowItAgain) {
  Desk desk(in_turn({ok(mermaid_scene_json().dump(), "length"), ok(mermaid_scene_json().dump())}));
  desk.scene();
  ASSERT_EQ(desk.server.count(), 2u) << "the first reply was whole to look at, but the server says it was cut";
  const Json messages = asked(desk.server.requests()[1])["messages"];
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_THAT(messages[1]["content"].get<std::string>(), HasSubstr("did not come to its end"));
}

TEST(ChatPlanner, KeepsTheRawReplyOfAPlanThatStaysWrong) {
  Desk desk(in_turn({ok("Background: the reef\nFrame_1: [[a, b, c], [0, 0, 1, 1]]\n")}));
  const std::string line = expect_error(ErrorKind::plan_refused, [&] { desk.scene(); });
  EXPECT_EQ(desk.server.count(), 4u) << "one ask and three more";
  const auto files = files_in(desk.chat());
  EXPECT_EQ(files.at("scene-01-4.txt"), "Background: the reef\nFrame_1: [[a, b, c], [0, 0, 1, 1]]\n");
  EXPECT_THAT(line, HasSubstr((desk.chat() / "scene-01-4.txt").string()));
  EXPECT_THAT(line, HasSubstr("the plan has 1 key frames, expected 4"));
}

TEST(ChatPlanner, RefusesStoriesBeyondTheLimits) {
  Json story = mermaid_story_json();
  story["scenes"][0]["motions"] = {"swimming", "floating", "spinning"};
  for (int i = 0; i < 3; ++i) story["scenes"].push_back(story["scenes"][1]);
  Desk desk(in_turn({ok(story.dump()), ok(mermaid_story_json().dump())}));
  EXPECT_EQ(desk.planner()->plan_story(mermaid_task(), desk.run), mermaid_story());
  const std::string faults = asked(desk.server.requests()[1])["messages"][3]["content"];
  EXPECT_THAT(faults, HasSubstr("the story has 5 scenes, expected 2 to 3"));
  EXPECT_THAT(faults, HasSubstr("scene 1 has 3 motions (swimming, floating, spinning), expected at most 2"));
}

TEST(ChatPlanner, RecordsWhatARecordedPlannerRepeats) {
  Desk desk(in_turn({ok("no"), ok(mermaid_story_json().dump()), http_answer(500, "out of order"), ok(mermaid_scene_text()), ok(mermaid_scene_json().dump())}));
  const auto planner = desk.planner();
  const StoryPlan story = planner->plan_story(mermaid_task(), desk.run);
  const Scene first = planner->plan_scene(mermaid_task(), story, 0, desk.run);
  const Scene second = planner->plan_scene(mermaid_task(), story, 1, desk.run);
  desk.server.shut();

  const auto repeat = make_recorded_planner(desk.chat());
  EXPECT_EQ(repeat->plan_story(mermaid_task(), desk.run), story);
  EXPECT_EQ(repeat->plan_scene(mermaid_task(), story, 1, desk.run), second) << "one scene alone, in any order";
  EXPECT_EQ(repeat->plan_scene(mermaid_task(), story, 0, desk.run), first);

  const auto files = files_in(desk.chat());
  std::vector<std::string> names;
  for (const auto& [name, bytes] : files) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("scene-01-1.json", "scene-02-1.json", "story-1.json", "story-2.json"));
  const Json record = parse_json(files.at("scene-01-1.json"), "record");
  EXPECT_EQ(record["status"], 200);
  EXPECT_EQ(record["failed"], Json::array({"status 500: out of order"}));
  EXPECT_EQ(record["request"], asked(desk.server.requests()[3]));
}

TEST(ChatPlanner, ANewChatLeavesNothingOfTheOldOne) {
  Desk desk(in_turn({ok("no"), ok("no"), ok(mermaid_scene_json().dump())}));
  desk.scene();
  EXPECT_EQ(files_in(desk.chat()).size(), 3u);
  desk.scene();
  EXPECT_EQ(files_in(desk.chat()).size(), 1u);
}

TEST(ChatPlanner, SendsTheKeyAndKeepsItNowhere) {
  // The server repeats the key in a text, in a name, and written with escapes.
  Json body = parse_json(completion(mermaid_scene_json().dump()), "body");
  body["sk-test-0123456789abcdef"] = "sk-test-0123456789abcdef";
  body["choices"][0]["message"]["content"] = "<think>sk-test-0123456789abcdef</think>" + mermaid_scene_text() + "sk-test-0123456789abcdef";
  std::string bytes = body.dump();
  bytes.replace(bytes.rfind("sk-test"), 1, "\\u0073");
  Desk desk(in_turn({http_answer(200, bytes)}));
  desk.scene();
  EXPECT_THAT(desk.server.requests()[0], HasSubstr("Authorization: Bearer sk-test-0123456789abcdef\r\n"));
  for (const auto& [name, content] : files_in(desk.folder.path())) {
    EXPECT_THAT(content, Not(HasSubstr("0123456789abcdef"))) << name;
    EXPECT_THAT(content, HasSubstr("<key>")) << name;
  }
}

TEST(ChatPlanner, NeedsNoKeyAndTakesAShortOneForNoSecret) {
  Desk desk(in_turn({ok(mermaid_scene_json().dump())}));
  ::unsetenv(KeyInEnvironment::kName);
  desk.scene();
  EXPECT_THAT(desk.server.requests()[0], Not(HasSubstr("Authorization")));
  ::setenv(KeyInEnvironment::kName, "none", 1);  // As examples for local servers have it; it must not blot out captions.
  desk.scene();
  EXPECT_THAT(desk.server.requests()[1], HasSubstr("Authorization: Bearer none\r\n"));
  EXPECT_THAT(files_in(desk.chat()).at("scene-01-1.json"), Not(HasSubstr("<key>")));
}

TEST(ChatPlanner, SaysWhereAKeyGoesThatLeavesTheMachine) {
  // A proxy on this machine stands in for another one.
  Desk desk(in_turn({ok(mermaid_scene_json().dump())}));
  desk.scene();
  EXPECT_EQ(desk.progress.notes, "");
  ::setenv("http_proxy", desk.server.url().c_str(), 1);
  desk.settings.url = "http://model.example/v1";
  desk.scene();
  ::unsetenv("http_proxy");
  EXPECT_THAT(desk.server.requests()[1], testing::StartsWith("POST http://model.example/v1/chat/completions "));
  EXPECT_EQ(desk.progress.notes, "the key in DREAMRUNNER_TEST_KEY goes to http://model.example/v1/chat/completions, unencrypted: it is http, not https\n");
}

TEST(ChatPlanner, RefusesAKeyThatCannotBeSent) {
  for (const char* key : {"two words", "line\nbreak: yes", "quo\"te", "k\xc3\xa9y"}) {
    const KeyInEnvironment environment(key);
    const std::string line = expect_error(ErrorKind::usage, [] { ChatKey::from_environment(KeyInEnvironment::kName); });
    EXPECT_THAT(line, HasSubstr(KeyInEnvironment::kName));
    EXPECT_THAT(line, Not(HasSubstr(key)));
  }
}

TEST(ChatPlanner, WaitsAsLongAsTheServerAsks) {
  Desk desk(in_turn({http_answer(429, "", "Retry-After: 17\r\n"), ok(mermaid_scene_json().dump())}));
  desk.scene();
  EXPECT_THAT(desk.clock.slept, ElementsAre(17.0));
}

TEST(ChatPlanner, DoesNotWaitPastItsDeadline) {
  Desk desk(in_turn({http_answer(429, "", "Retry-After: 3600\r\n")}));
  const std::string line = expect_error(ErrorKind::language_model, [&] { desk.scene(); });
  EXPECT_THAT(line, HasSubstr("in 3.6e+03 s, past the deadline of 200 s"));
  EXPECT_EQ(desk.server.count(), 1u);
  EXPECT_TRUE(desk.clock.slept.empty());
}

TEST(ChatPlanner, TheDeadlineHoldsForAllAsksTogether) {
  Desk desk([&](Connection& c, const std::string&, int) { if (c.pause(0.06)) c.send(ok("no")); });
  desk.settings.deadline_s = 0.1;
  desk.settings.max_asks_again = 50;
  const std::string line = expect_error(ErrorKind::language_model, [&] { desk.scene(); });
  EXPECT_LE(desk.server.count(), 3u) << line;
}

TEST(ChatPlanner, TheSameSeedWaitsTheSame) {
  std::vector<std::vector<double>> waits;
  for (const uint64_t seed : {5, 5, 6}) {
    Desk desk(in_turn({http_answer(500, "")}));
    desk.settings.jitter_seed = seed;
    expect_error(ErrorKind::language_model, [&] { desk.scene(); });
    waits.push_back(desk.clock.slept);
  }
  ASSERT_EQ(waits[0].size(), 3u);
  EXPECT_EQ(waits[0], waits[1]);
  EXPECT_NE(waits[0], waits[2]);
}

/// Seconds from the stop to the end of `work`, which must end as interrupted.
double seconds_to_stop(Desk& desk, std::stop_source& stop, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point asked_at;
  std::thread other([&] {
    while (desk.server.count() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    asked_at = Clock::now();
    stop.request_stop();
  });
  expect_error(ErrorKind::interrupted, work);
  const auto end = Clock::now();
  other.join();
  return std::chrono::duration<double>(end - asked_at).count();
}

TEST(ChatPlanner, StopsWhileItWaitsForAReply) {
  Desk desk([](Connection& c, const std::string&, int) { c.pause(20); });
  std::stop_source stop;
  desk.run.stop = stop.get_token();
  desk.settings.request_timeout_s = 60;
  EXPECT_LT(seconds_to_stop(desk, stop, [&] { desk.scene(); }), 1.0);
}

TEST(ChatPlanner, StopsWhileItWaitsForTheNextTry) {
  Desk desk(in_turn({http_answer(429, "", "Retry-After: 60\r\n")}));
  std::stop_source stop;
  desk.run.stop = stop.get_token();
  const auto planner = make_chat_planner(desk.settings, desk.chat());  // With the real clock.
  EXPECT_LT(seconds_to_stop(desk, stop, [&] { planner->plan_scene(mermaid_task(), mermaid_story(), 0, desk.run); }), 1.0);
}

}  // namespace
}  // namespace dreamrunner
