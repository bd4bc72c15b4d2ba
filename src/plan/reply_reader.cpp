#include "plan/reply_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "plan/plan_text.h"
#include "plan/story_script.h"
#include "story/json_position.h"
#include "story/plan_json.h"
#include "story/plan_rules.h"

namespace dreamrunner {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

/// What the two kinds of reply differ in while the part that is meant is looked for.
struct Kind {
  const char* name;        ///< In messages.
  std::string_view field;  ///< The list that makes a JSON object one of this kind.
  const char* item;        ///< What an entry of that list is called.
};
constexpr Kind kStory{"story", "scenes", "scene"};
constexpr Kind kScene{"frame plan", "key_frames", "key frame"};

/// A JSON object in a reply. `end` is npos where the reply ends before the object does.
struct Range {
  size_t begin;
  size_t end;
};

/// `text` with everything outside of `range` blank, so that places in it are places in the reply.
std::string alone(std::string_view text, Range range) {
  std::string result(text);
  for (size_t i = 0; i < result.size(); ++i) {
    if ((i < range.begin || i >= range.end) && result[i] != '\n') result[i] = ' ';
  }
  return result;
}

/// The reply without the reasoning before it; some servers strip the opening tag, so the last closing one counts.
std::string without_thoughts(std::string_view text, const std::string& origin) {
  size_t thought = 0;
  size_t opened = 0;
  for (const std::string_view word : {"think", "thinking", "thought", "reasoning"}) {
    const std::string closing = fmt::format("</{}>", word);
    const std::string opening = fmt::format("<{}>", word);
    if (const size_t at = text.rfind(closing); at != std::string_view::npos) thought = std::max(thought, at + closing.size());
    if (const size_t at = text.rfind(opening); at != std::string_view::npos) opened = std::max(opened, at + opening.size());
  }
  if (opened > thought) throw Error(ErrorKind::plan_refused, fmt::format("{}: the reply ends inside its reasoning", origin));
  return alone(text, {thought, text.size()});
}

/// Behind the string that begins at `quote`; npos where it does not end.
size_t end_of_string(std::string_view text, size_t quote) {
  for (size_t i = quote + 1; i < text.size(); ++i) {
    if (text[i] == '\\') ++i;
    else if (text[i] == '"') return i + 1;
  }
  return std::string_view::npos;
}

/// True at the brace of `{"name": ...`. Plan texts have braces too, but never a colon there.
bool begins_object(std::string_view text, size_t brace) {
  const size_t quote = text.find_first_not_of(kBlanks, brace + 1);
  if (quote == std::string_view::npos || text[quote] != '"') return false;
  const size_t end = end_of_string(text, quote);
  if (end == std::string_view::npos) return false;
  const size_t colon = text.find_first_not_of(kBlanks, end);
  return colon != std::string_view::npos && text[colon] == ':';
}

/// Behind the bracket that closes the object, or behind the first one that closes nothing; npos where neither comes.
size_t end_of_object(std::string_view text, size_t brace) {
  std::string closers;
  for (size_t i = brace; i < text.size(); ++i) {
    if (text[i] == '"') {
      const size_t end = end_of_string(text, i);
      if (end == std::string_view::npos) return end;
      i = end - 1;
    } else if (text[i] == '{' || text[i] == '[') {
      closers += text[i] == '{' ? '}' : ']';
    } else if (text[i] == '}' || text[i] == ']') {
      const bool matches = text[i] == closers.back();
      closers.pop_back();
      if (!matches || closers.empty()) return i + 1;
    }
  }
  return std::string_view::npos;
}

/// The JSON objects in a reply, none of them inside another.
std::vector<Range> objects_in(std::string_view text) {
  std::vector<Range> found;
  for (size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at)) {
    if (!begins_object(text, at)) {
      ++at;
      continue;
    }
    found.push_back({at, end_of_object(text, at)});
    if (found.back().end == std::string_view::npos) break;
    at = found.back().end;
  }
  return found;
}

std::string place_of(const std::string& pointer, const Kind& kind) {
  const std::string list = fmt::format("/{}/", kind.field);
  size_t item = 0;
  const char* const last = pointer.data() + pointer.size();
  if (!pointer.starts_with(list) || std::from_chars(pointer.data() + list.size(), last, item).ec != std::errc()) return pointer.empty() ? "its JSON" : pointer;
  return fmt::format("{} {}, at {}", kind.item, item + 1, pointer);
}

/// The one JSON object that is meant, blank around it; nothing where the reply is in words.
std::optional<std::string> json_of(const std::string& text, const Kind& kind, const std::string& origin) {
  const std::vector<Range> objects = objects_in(text);
  std::vector<Range> meant;
  for (const Range& range : objects) {
    if (text.substr(range.begin, range.end - range.begin).find(fmt::format("\"{}\"", kind.field)) != std::string::npos) meant.push_back(range);
  }
  // One object without the list is a plan that lacks it, unless the plan stands beside it in words.
  if (meant.empty() && objects.size() == 1 && text.find("Background") == std::string::npos && !looks_like_story_script(text)) meant = objects;
  if (meant.empty()) return std::nullopt;
  if (meant.size() > 1) {
    throw Error(ErrorKind::plan_refused, fmt::format("{}:{}: a second {} begins here, the first is at {}; leave one", origin,
                                                     line_and_column(text, meant[1].begin), kind.name, line_and_column(text, meant[0].begin)));
  }
  if (meant[0].end == std::string::npos) {
    const std::string pointer = pointer_at_end(std::string_view(text).substr(meant[0].begin));
    throw Error(ErrorKind::plan_refused, fmt::format("{}: the reply ends inside {}", origin, place_of(pointer, kind)));
  }
  return alone(text, meant[0]);
}

Json parse(const std::string& text, const std::string& origin) {
  try {
    return parse_json(text, origin);
  } catch (const Error& error) {
    throw Error(ErrorKind::plan_refused, error.what());
  }
}

/// What every reply must be before its kind matters.
std::string prepared(std::string_view reply, const std::string& origin) {
  constexpr uint64_t kMaxBytes = JsonLimits{}.max_bytes;
  if (reply.size() > kMaxBytes) throw Error(ErrorKind::plan_refused, fmt::format("{}: {} bytes, expected at most {}", origin, reply.size(), kMaxBytes));
  if (is_blank(reply)) throw Error(ErrorKind::plan_refused, fmt::format("{}: the reply is empty", origin));
  return without_thoughts(reply, origin);
}

/// Reads `{"scenes": [...]}` and notes every fault at its pointer.
class StoryReader {
 public:
  StoryReader(const std::string& text, const std::string& origin) : text_(text), origin_(origin) {}

  StoryPlan read() {
    const Json json = parse(text_, origin_);
    StoryPlan story;
    if (const Json* scenes = list(json, "", "scenes", kMaxScenes)) {
      for (size_t i = 0; i < scenes->size(); ++i) story.scenes.push_back(scene((*scenes)[i], fmt::format("/scenes/{}", i)));
    }
    if (!faults_.empty()) throw faults_.error(origin_);
    return story;
  }

 private:
  void fault(const std::string& pointer, const std::string& what) {
    const std::string line = faults_.size() < 50 ? std::to_string(line_of_pointer(text_, pointer)) : "";
    faults_.add(line, pointer.empty() ? what : fmt::format("{}: {}", pointer, what));
  }

  const Json* field(const Json& json, const std::string& at, const char* name) {
    const auto found = json.find(name);
    if (found != json.end()) return &*found;
    fault(at + '/' + name, "missing");
    return nullptr;
  }

  const Json* list(const Json& json, const std::string& at, const char* name, size_t most) {
    const Json* value = field(json, at, name);
    if (value == nullptr) return nullptr;
    const std::string here = at + '/' + name;
    if (!value->is_array()) fault(here, fmt::format("is {}, expected a list", value->type_name()));
    else if (value->empty() || value->size() > most) fault(here, fmt::format("has {} entries, expected 1 to {}", value->size(), most));
    else return value;
    return nullptr;
  }

  std::string text_value(const Json& value, const std::string& at) {
    if (!value.is_string()) {
      fault(at, fmt::format("is {}, expected text", value.type_name()));
      return {};
    }
    std::string text = value.get<std::string>();
    // A narration in two paragraphs is one narration; a plan holds no line ends.
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (const auto wrong = text_fault(text)) fault(at, *wrong);
    else if (is_blank(text)) fault(at, "is empty, expected text");
    return text;
  }

  StoryScene scene(const Json& json, const std::string& at) {
    StoryScene scene;
    if (!json.is_object()) {
      fault(at, fmt::format("is {}, expected an object", json.type_name()));
      return scene;
    }
    if (const Json* value = field(json, at, "place")) scene.place = text_value(*value, at + "/place");
    if (const Json* motions = list(json, at, "motions", kMaxMotions)) {
      for (size_t i = 0; i < motions->size(); ++i) scene.motions.push_back(text_value((*motions)[i], fmt::format("{}/motions/{}", at, i)));
    }
    if (const Json* value = field(json, at, "narration")) scene.narration = text_value(*value, at + "/narration");
    return scene;
  }

  const std::string& text_;
  const std::string& origin_;
  Faults faults_;
};

}  // namespace

StoryPlan read_story_reply(std::string_view reply, const std::string& origin) {
  const std::string text = prepared(reply, origin);
  if (const auto json = json_of(text, kStory, origin)) return StoryReader(*json, origin).read();
  return parse_story_script(text, origin);
}

Scene read_scene_reply(std::string_view reply, const std::string& origin) {
  const std::string text = prepared(reply, origin);
  const auto found = json_of(text, kScene, origin);
  if (!found) return parse_plan_text(text, origin);
  Json json = parse(*found, origin);
  json.erase("reasoning");
  return scene_from_json(json, origin, *found);
}

}  // namespace dreamrunner
