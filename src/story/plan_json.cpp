#include "story/plan_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <initializer_list>
#include <limits>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "story/json_position.h"
#include "story/plan_rules.h"
#include "story/priors.h"

namespace dreamrunner {
namespace {

enum class Need { optional, required };

std::string pointer_token(std::string_view name) {
  std::string token;
  for (const char c : name) token += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return token;
}

/// Reads a document and notes every fault at its pointer instead of stopping at the first.
class Reader {
 public:
  using LineOf = std::function<size_t(const std::string&)>;
  Reader(Faults& faults, LineOf line_of) : faults_(faults), line_of_(std::move(line_of)) {}

  Plan plan(const Json& json) {
    Plan plan;
    if (!json.is_object()) {
      fault("", fmt::format("is {}, expected an object with schema and scenes", json.type_name()));
      return plan;
    }
    if (!schema(json)) return plan;
    known(json, "", {"schema", "title", "characters", "motions", "scenes"});
    plan.title = text(json, "", "title", Need::optional);
    each(json, "", "characters", {0, kMaxCharacters, Need::optional},
         [&](const Json& item, const std::string& at) { plan.characters.push_back(character(item, at)); });
    std::set<std::string> ids;
    for (size_t i = 0; i < plan.characters.size(); ++i) {
      const std::string& id = plan.characters[i].id;
      if (!id.empty() && !ids.insert(id).second) fault(fmt::format("/characters/{}/id", i), fmt::format("\"{}\" is taken by an earlier character", id));
    }
    each(json, "", "motions", {0, kMaxPlanMotions, Need::optional},
         [&](const Json& item, const std::string& at) { plan.motions.push_back(motion(item, at)); });
    each(json, "", "scenes", {1, kMaxScenes, Need::required},
         [&](const Json& item, const std::string& at) { plan.scenes.push_back(scene(item, at)); });
    return plan;
  }

  /// A scene that is a document of its own.
  Scene lone_scene(const Json& json) { return scene(json, ""); }

 private:
  struct Count {
    size_t least;
    size_t most;
    Need need;
  };

  void fault(const std::string& pointer, const std::string& what) {
    // Beyond the faults that are listed a line is not worth a walk through the text.
    const std::string line = line_of_ && faults_.size() < 50 ? std::to_string(line_of_(pointer)) : "";
    faults_.add(line, pointer.empty() ? what : fmt::format("{}: {}", pointer, what));
  }

  /// A document of another schema is not read further: what it holds may be right there.
  bool schema(const Json& json) {
    const auto at = json.find("schema");
    if (at == json.end()) fault("/schema", fmt::format("missing, expected {}", kPlanSchema));
    else if (!at->is_number_integer()) fault("/schema", fmt::format("is {}, expected {}", at->type_name(), kPlanSchema));
    else if (*at != kPlanSchema) fault("/schema", fmt::format("is {}, this program reads {}", at->dump(), kPlanSchema));
    else return true;
    return false;
  }

  bool known(const Json& json, const std::string& at, std::initializer_list<std::string_view> names) {
    if (!json.is_object()) {
      fault(at, fmt::format("is {}, expected an object", json.type_name()));
      return false;
    }
    for (const auto& [name, value] : json.items()) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      fault(at + '/' + pointer_token(name), fmt::format("unknown field, expected one of {}", fmt::join(names, ", ")));
    }
    return true;
  }

  const Json* field(const Json& json, const std::string& at, const char* name, Need need) {
    const auto found = json.find(name);
    if (found != json.end()) return &*found;
    if (need == Need::required) fault(at + '/' + name, "missing");
    return nullptr;
  }

  std::string text_value(const Json& json, const std::string& at, Need need) {
    if (!json.is_string()) {
      fault(at, fmt::format("is {}, expected text", json.type_name()));
      return {};
    }
    const auto& value = json.get_ref<const std::string&>();
    if (const auto wrong = text_fault(value)) fault(at, *wrong);
    else if (need == Need::required && is_blank(value)) fault(at, "is empty, expected text");
    return value;
  }

  std::string text(const Json& json, const std::string& at, const char* name, Need need) {
    const Json* value = field(json, at, name, need);
    return value ? text_value(*value, at + '/' + name, need) : std::string();
  }

  template <class OnItem>
  void each(const Json& json, const std::string& at, const char* name, Count count, OnItem on_item) {
    const Json* list = field(json, at, name, count.need);
    if (!list) return;
    const std::string here = at + '/' + name;
    if (!list->is_array()) {
      fault(here, fmt::format("is {}, expected a list", list->type_name()));
    } else if (list->size() < count.least || list->size() > count.most) {
      fault(here, fmt::format("has {} entries, expected {} to {}", list->size(), count.least, count.most));
    } else {
      for (size_t i = 0; i < list->size(); ++i) on_item((*list)[i], fmt::format("{}/{}", here, i));
    }
  }

  Character character(const Json& json, const std::string& at) {
    Character character;
    if (!known(json, at, {"id", "token", "name"})) return character;
    character.id = text(json, at, "id", Need::required);
    character.token = text(json, at, "token", Need::optional);
    character.name = text(json, at, "name", Need::required);
    if (const auto wrong = id_fault(character.id)) fault(at + "/id", *wrong);
    return character;
  }

  /// Ids and phrases mean one motion each; two that share one would make a region's motion a matter of luck.
  Motion motion(const Json& json, const std::string& at) {
    Motion motion;
    if (!known(json, at, {"id", "phrases"})) return motion;
    motion.id = text(json, at, "id", Need::required);
    if (const auto wrong = id_fault(motion.id)) fault(at + "/id", *wrong);
    else if (!motion_ids_.insert(motion.id).second) fault(at + "/id", fmt::format("\"{}\" is taken by an earlier motion", motion.id));
    each(json, at, "phrases", {1, kMaxPhrases, Need::required}, [&](const Json& item, const std::string& here) {
      motion.phrases.push_back(text_value(item, here, Need::required));
      const std::string& phrase = motion.phrases.back();
      if (!phrases_.insert(normal_phrase(phrase)).second) fault(here, fmt::format("\"{}\" is listed already", phrase));
    });
    return motion;
  }

  Scene scene(const Json& json, const std::string& at) {
    Scene scene;
    if (!known(json, at, {"place", "motions", "narration", "background", "key_frames", "seed"})) return scene;
    scene.place = text(json, at, "place", Need::optional);
    each(json, at, "motions", {0, kMaxMotions, Need::optional},
         [&](const Json& item, const std::string& here) { scene.motions.push_back(text_value(item, here, Need::required)); });
    scene.narration = text(json, at, "narration", Need::optional);
    scene.background = text(json, at, "background", Need::required);
    each(json, at, "key_frames", {1, kMaxKeyFrames, Need::required},
         [&](const Json& item, const std::string& here) { scene.key_frames.push_back(key_frame(item, here)); });
    if (const Json* seed = field(json, at, "seed", Need::optional)) scene.seed = seed_value(*seed, at + "/seed");
    if (const auto wrong = scene_fault(scene)) fault(at + "/key_frames", *wrong);
    return scene;
  }

  KeyFrame key_frame(const Json& json, const std::string& at) {
    KeyFrame frame;
    if (!known(json, at, {"regions"})) return frame;
    each(json, at, "regions", {0, kMaxRegions, Need::required},
         [&](const Json& item, const std::string& here) { frame.regions.push_back(region(item, here)); });
    return frame;
  }

  PlannedRegion region(const Json& json, const std::string& at) {
    PlannedRegion region;
    if (!known(json, at, {"character", "motion", "motion_id", "caption", "box"})) return region;
    region.character = text(json, at, "character", Need::optional);
    region.motion = text(json, at, "motion", Need::optional);
    region.motion_id = text(json, at, "motion_id", Need::optional);
    if (!region.motion_id.empty() && !motion_ids_.contains(region.motion_id)) {
      fault(at + "/motion_id", fmt::format("is \"{}\", expected the id of one of the plan's motions", region.motion_id));
    }
    region.caption = text(json, at, "caption", Need::required);
    if (const Json* value = field(json, at, "box", Need::required)) region.box = box(*value, at + "/box", region);
    return region;
  }

  Box box(const Json& json, const std::string& at, const PlannedRegion& region) {
    const std::string who = fmt::format("box of \"{}\"", region.character.empty() ? region.caption : region.character);
    if (!json.is_array() || json.size() != 4) {
      fault(at, fmt::format("{} is {}, expected four numbers [left, top, right, bottom]", who,
                            json.is_array() ? fmt::format("a list of {}", json.size()) : std::string("of type ") + json.type_name()));
      return {};
    }
    std::array<double, 4> edges{};
    for (size_t i = 0; i < edges.size(); ++i) {
      if (!json[i].is_number()) {
        fault(fmt::format("{}/{}", at, i), fmt::format("{} holds {} of type {}, expected a number", who, json[i].dump(), json[i].type_name()));
        return {};
      }
      edges[i] = json[i].get<double>();
    }
    const Box box{edges[0], edges[1], edges[2], edges[3]};
    if (const auto wrong = box_fault(box)) fault(at, fmt::format("{}: {}", who, *wrong));
    return box;
  }

  std::optional<int64_t> seed_value(const Json& json, const std::string& at) {
    constexpr auto kLargest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (json.is_number_unsigned() && json.get<uint64_t>() <= kLargest) return json.get<int64_t>();
    if (json.is_number_integer() && json.get<int64_t>() >= 0 && !json.is_number_unsigned()) return json.get<int64_t>();
    fault(at, fmt::format("is {}, expected a whole number from 0 to {}", json.dump(), kLargest));
    return std::nullopt;
  }

  Faults& faults_;
  LineOf line_of_;
  std::set<std::string> motion_ids_;
  std::set<std::string> phrases_;
};

Plan read(const Json& json, const std::string& origin, const Reader::LineOf& line_of) {
  Faults faults;
  Plan plan = Reader(faults, line_of).plan(json);
  if (!faults.empty()) throw faults.error(origin);
  return plan;
}

}  // namespace

Plan plan_from_json(const Json& json, const std::string& origin) { return read(json, origin, nullptr); }

Scene scene_from_json(const Json& json, const std::string& origin, std::string_view text) {
  Faults faults;
  const Reader::LineOf line_of = [&](const std::string& pointer) { return line_of_pointer(text, pointer); };
  Scene scene = Reader(faults, text.empty() ? nullptr : line_of).lone_scene(json);
  if (!faults.empty()) throw faults.error(origin);
  return scene;
}

Plan parse_plan_json(std::string_view text, const std::string& origin) {
  Json json;
  try {
    json = parse_json(text, origin);
  } catch (const Error& error) {
    // A cut-off file says so at its last byte; where it was cut is worth more than which token was missed.
    std::string where;
    if (const std::string message = error.what(); message.find("unexpected end of input") != std::string::npos) {
      const std::string pointer = pointer_at_end(text);
      where = fmt::format(" (the text ends inside {})", pointer.empty() ? "the plan" : pointer);
      // "/scenes/x" is there too when a text has an object in place of the list.
      size_t scene = 0;
      constexpr std::string_view kScenes = "/scenes/";
      const char* const last = pointer.data() + pointer.size();
      if (pointer.starts_with(kScenes) && std::from_chars(pointer.data() + kScenes.size(), last, scene).ec == std::errc()) {
        where = fmt::format(" (the text ends inside scene {}, at {})", scene + 1, pointer);
      }
    }
    throw Error(ErrorKind::plan_refused, error.what() + where, error.hint());
  }
  return read(json, origin, [&](const std::string& pointer) { return line_of_pointer(text, pointer); });
}

}  // namespace dreamrunner
