#include "plan/chat_planner.h"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "plan/chat_reply.h"
#include "plan/chat_rules.h"
#include "plan/chat_schema.h"
#include "plan/chat_server.h"
#include "plan/prompts.h"
#include "plan/reply_reader.h"
#include "plan/story_script.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// What a reply is called in messages to the model and to people.
constexpr const char* kOrigin = "reply";

/// "- witch: called "[v1] girl witch" in captions", a line each.
std::string list_of(const std::vector<Character>& characters) {
  std::string lines;
  for (const Character& character : characters) {
    const std::string called = character.token.empty() ? character.name : character.token + ' ' + character.name;
    lines += fmt::format("- {}: called \"{}\" in captions\n", character.id, called);
  }
  return lines;
}

class LanguagePlanner : public Planner {
 public:
  LanguagePlanner(std::unique_ptr<ChatSource> source, std::vector<fs::path> prompt_folders, int max_asks_again)
      : source_(std::move(source)), folders_(std::move(prompt_folders)), max_asks_again_(max_asks_again) {}

  StoryPlan plan_story(const PlanningTask& task, RunContext& run) override {
    if (looks_like_story_script(task.script)) return parse_story_script(task.script, "story");
    if (task.script.empty() && task.topic.empty()) throw Error(ErrorKind::usage, "the film has neither a topic nor a story", "write one into film.toml");
    const auto request = [&](ReplyForm form) {
      PromptValues values = common_values(task, form);
      values["topic"] = task.topic;
      values["story"] = task.script;
      values["min_scenes"] = std::to_string(task.min_scenes);
      values["max_scenes"] = std::to_string(task.max_scenes);
      return request_of(task.characters.size() > 1 ? "story-several.txt" : "story.txt", values, "story", story_schema(task));
    };
    return converse<StoryPlan>("story", request, run, [&](const std::string& reply) {
      StoryPlan story = read_story_reply(reply, kOrigin);
      Faults faults;
      check_story(story, task, faults);
      if (!faults.empty()) throw faults.error(kOrigin);
      return story;
    });
  }

  Scene plan_scene(const PlanningTask& task, const StoryPlan& story, size_t index, RunContext& run) override {
    const StoryScene& scene = story.scenes.at(index);
    const auto request = [&](ReplyForm form) {
      PromptValues values = common_values(task, form);
      values["place"] = scene.place;
      values["motions"] = fmt::format("{}", fmt::join(scene.motions, ", "));
      values["narration"] = scene.narration;
      values["key_frames"] = std::to_string(task.key_frames);
      values["number"] = std::to_string(index + 1);
      values["scenes"] = std::to_string(story.scenes.size());
      return request_of(task.characters.size() > 1 ? "scene-several.txt" : "scene.txt", values, "frame_plan", scene_schema(task));
    };
    return converse<Scene>(scene_chat_name(index), request, run, [&](const std::string& reply) {
      Faults faults;
      Scene fitted = fit_scene(read_scene_reply(reply, kOrigin), task, scene, faults);
      if (!faults.empty()) throw faults.error(kOrigin);
      return fitted;
    });
  }

 private:
  static PromptValues common_values(const PlanningTask& task, ReplyForm form) {
    PromptValues values;
    values["characters"] = list_of(task.characters);
    values["max_motions"] = std::to_string(task.max_motions);
    values["json"] = form == ReplyForm::json ? "yes" : "";
    values["text"] = form == ReplyForm::text ? "yes" : "";
    return values;
  }

  ChatRequest request_of(const std::string& file, const PromptValues& values, const std::string& schema_name, Json schema) const {
    const Prompt prompt = load_prompt(folders_, file, values);
    ChatRequest request;
    if (!prompt.system.empty()) request.messages.push_back({"system", prompt.system});
    request.messages.push_back({"user", prompt.user});
    request.schema_name = schema_name;
    request.schema = std::move(schema);
    return request;
  }

  /// A reply that was refused and what is wrong with it. A cut reply is not shown to the model again.
  struct Refusal {
    std::string reply;
    std::string faults;
    bool cut = false;
  };

  void ask_again(ChatRequest& request, const Refusal& refusal) const {
    constexpr size_t kShownBytes = 32u << 10;
    const bool shown = !refusal.cut && !refusal.reply.empty() && refusal.reply.size() <= kShownBytes;
    const PromptValues values{{"faults", refusal.cut ? "" : refusal.faults}, {"cut", refusal.cut ? refusal.faults : ""}};
    const Prompt again = load_prompt(folders_, "again.txt", values);
    if (shown) {
      request.messages.push_back({"assistant", refusal.reply});
      request.messages.push_back({"user", again.user});
    } else {
      // Two messages of a user in a row are refused by the chat templates of some models.
      request.messages.back().text += "\n" + again.user;
    }
  }

  template <class Result, class Request, class Read>
  Result converse(const std::string& name, const Request& first_request, RunContext& run, const Read& read) {
    source_->begin(name);
    Refusal refusal;
    int asks = 0;
    do {
      run.check();
      const auto request = [&](ReplyForm form) {
        ChatRequest asked = first_request(form);
        if (asks > 0) ask_again(asked, refusal);
        return asked;
      };
      ChatReply reply = source_->ask(request, run);
      ++asks;
      if (reply.cut.empty()) {
        try {
          return read(reply.text);
        } catch (const Error& error) {
          if (error.kind() != ErrorKind::plan_refused) throw;
          refusal = {std::move(reply.text), error.what(), false};
        }
      } else {
        refusal = {std::move(reply.text), std::move(reply.cut), true};
      }
      run.report().note(fmt::format("{}: reply {} of the language model is refused: {}", name, asks, one_line(refusal.faults, 200)));
    } while (asks <= max_asks_again_ && source_->can_ask_again());
    const fs::path kept = source_->keep(refusal.reply);
    throw Error(ErrorKind::plan_refused, fmt::format("{}: {} of the language model for {} refused; {}", kept.string(),
                                                     asks == 1 ? std::string("the reply") : fmt::format("all {} replies", asks), name, refusal.faults),
                "plan again, try another model, or mend the text by hand and use it as a recorded reply");
  }

  std::unique_ptr<ChatSource> source_;
  std::vector<fs::path> folders_;
  int max_asks_again_;
};

}  // namespace

std::string scene_chat_name(size_t index) { return fmt::format("scene-{:02}", index + 1); }

std::unique_ptr<Planner> make_language_planner(std::unique_ptr<ChatSource> source, std::vector<fs::path> prompt_folders, int max_asks_again) {
  return std::make_unique<LanguagePlanner>(std::move(source), std::move(prompt_folders), max_asks_again);
}

std::unique_ptr<Planner> make_chat_planner(const ChatSettings& settings, const fs::path& record_folder) {
  return make_language_planner(make_chat_server(settings, record_folder), settings.prompt_folders, settings.max_asks_again);
}

}  // namespace dreamrunner
