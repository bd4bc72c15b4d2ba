#include "plan/reply_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "plan/chat_support.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

using namespace test;
using testing::HasSubstr;

Scene bare_scene() { return read_scene_reply(mermaid_scene_text(), "reply"); }

std::string refusal(const std::string& reply) {
  return expect_error(ErrorKind::plan_refused, [&] { read_scene_reply(reply, "reply"); });
}

std::string story_refusal(const std::string& reply) {
  return expect_error(ErrorKind::plan_refused, [&] { read_story_reply(reply, "reply"); });
}

TEST(ReplyReader, ReadsFramePlansInEveryDress) {
  const std::string json = mermaid_scene_json().dump();
  const std::string text = mermaid_scene_text();
  const std::string replies[] = {
      json,
      mermaid_scene_json().dump(4),
      "```json\n" + json + "\n```",
      "Here is the plan:\n\n" + json + "\n\nTell me if {you} want \"more\": I am glad to help.",
      "<think>Is {\"key_frames\": []} right? Background: no\nFrame_1: []\n</think>\n" + json,
      "no opening tag {\"key_frames\": 1}</think>" + json,
      "<thinking>a</thinking><think>b</think>" + text,
      "Settings: {\"seed\": 5}\n" + json,
      "*Plan*\n```\n" + text + "```\nThat is all.",
      "[Output]\n" + text,
  };
  for (const std::string& reply : replies) EXPECT_EQ(read_scene_reply(reply, "reply"), bare_scene()) << reply;
}

TEST(ReplyReader, ReadsStoriesInEveryDress) {
  const std::string json = mermaid_story_json().dump();
  const std::string script = "Scene 1: coral reef\nMotions:\nswimming\nNarration:\nThe mermaid is swimming through the coral reef.\n\n"
                             "Scene 2: lagoon\nMotions:\nfloating, spinning\nNarration:\nThe mermaid is floating in the lagoon. Then she is spinning.\n";
  for (const std::string& reply : {json, "Sure.\n```json\n" + json + "\n```", "<think>Scene 1: x</think>" + script, "[Output]\n" + script, script}) {
    EXPECT_EQ(read_story_reply(reply, "reply"), mermaid_story()) << reply;
  }
}

TEST(ReplyReader, AReplyThatEndsEarlySaysWhere) {
  const std::string scene = mermaid_scene_json().dump();
  EXPECT_THAT(refusal(scene.substr(0, scene.rfind("Mermaid"))), HasSubstr("the reply ends inside key frame 4"));
  const std::string story = mermaid_story_json().dump();
  EXPECT_THAT(story_refusal(story.substr(0, story.find("lagoon"))), HasSubstr("the reply ends inside scene 2"));
  EXPECT_THAT(refusal("<think>" + scene), HasSubstr("the reply ends inside its reasoning"));
  EXPECT_THAT(refusal("</think> <think>" + scene), HasSubstr("inside its reasoning"));
  // Cut at any byte, a JSON reply is never taken for a whole one.
  for (size_t bytes = 0; bytes < scene.size(); ++bytes) refusal(scene.substr(0, bytes));
  for (size_t bytes = 0; bytes < story.size(); ++bytes) story_refusal(story.substr(0, bytes));
}

TEST(ReplyReader, RefusesToChoose) {
  const std::string json = mermaid_scene_json().dump();
  EXPECT_THAT(refusal(json + "\n\nor\n" + json), HasSubstr("reply:4:1: a second frame plan begins here, the first is at 1:1"));
  EXPECT_THAT(refusal(mermaid_scene_text() + "\n" + mermaid_scene_text()), HasSubstr("second plan"));
}

TEST(ReplyReader, PlacesFaultsInTheWholeReply) {
  Json bad = mermaid_scene_json();
  bad["key_frames"][1]["regions"][0]["box"] = {0.5, 0, 0.1, 1};
  const std::string reply = "Hello,\nhere you are:\n```json\n" + bad.dump(2) + "\n```";
  const std::string before = reply.substr(0, reply.find("0.5,\n            0,"));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n') - 1;  // The list begins on the line above its first number.
  EXPECT_THAT(refusal(reply), HasSubstr(fmt::format("reply:{}: /key_frames/1/regions/0/box", line)));
  EXPECT_THAT(refusal("Hi\n{\"key_frames\": [}"), HasSubstr("reply:2:"));
  EXPECT_THAT(refusal("Hi\nBackground: x\nFrame_1: [[a, b, c], [0, 0, 1]]"), HasSubstr("reply:3:"));
}

TEST(ReplyReader, ListsEveryFaultOfAStory) {
  const std::string line = story_refusal(R"({"scenes": [{"place": 5, "motions": [], "narration": " "}, {"place": "x", "motions": "walking"}, 7]})");
  for (const char* fault : {"/scenes/0/place: is number", "/scenes/0/motions: has 0 entries", "/scenes/0/narration: is empty",
                            "/scenes/1/motions: is string, expected a list", "/scenes/1/narration: missing", "/scenes/2: is number"}) {
    EXPECT_THAT(line, HasSubstr(fault));
  }
  EXPECT_THAT(story_refusal(R"({"story": "once"})"), HasSubstr("/scenes: missing"));
  EXPECT_THAT(story_refusal(R"({"scenes": [], "scenes": []})"), HasSubstr("comes twice"));
}

TEST(ReplyReader, RefusesWhatIsNoPlan) {
  for (const char* reply : {"", " \n", "I am sorry, I cannot.", "{}", "[]", "{\"key_frames\": null}", "{\"a\": 1}", "\xff\xfe"}) {
    refusal(reply);
    story_refusal(reply);
  }
  refusal(std::string(9u << 20, ' ') + mermaid_scene_text());
}

}  // namespace
}  // namespace dreamrunner
