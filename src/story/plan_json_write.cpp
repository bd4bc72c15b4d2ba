#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "story/plan_json.h"

namespace dreamrunner {
namespace {

bool is_flat(const Json& json) {
  return std::none_of(json.begin(), json.end(), [](const Json& value) { return value.is_structured(); });
}

/// `json` in one line, with a blank behind each comma and colon.
std::string one_line(const Json& json) {
  if (!json.is_structured()) return json.dump();
  std::vector<std::string> members;
  for (const auto& [name, value] : json.items()) members.push_back((json.is_object() ? Json(name).dump() + ": " : "") + one_line(value));
  return fmt::format("{}{}{}", json.is_object() ? '{' : '[', fmt::join(members, ", "), json.is_object() ? '}' : ']');
}

/// Writes `json` on one line where it fits behind the `taken` columns, else a member a line. Frames and scenes always
/// break, so that a change of one region is a change of one line.
void layout(const Json& json, size_t indent, size_t taken, std::string& out) {
  constexpr size_t kColumns = 160;
  const bool leaf = !json.is_structured() || std::all_of(json.begin(), json.end(), [](const Json& value) {
    return !value.is_structured() || (value.is_array() && is_flat(value));
  });
  if (leaf) {
    const std::string line = one_line(json);
    if (!json.is_structured() || json.empty() || taken + line.size() <= kColumns) {
      out += line;
      return;
    }
  }
  const std::string margin(indent + 2, ' ');
  out += json.is_object() ? "{\n" : "[\n";
  bool first = true;
  for (const auto& [name, value] : json.items()) {
    if (!first) out += ",\n";
    first = false;
    out += margin;
    const std::string label = json.is_object() ? Json(name).dump() + ": " : "";
    out += label;
    layout(value, indent + 2, indent + 2 + label.size(), out);
  }
  out += '\n' + std::string(indent, ' ') + (json.is_object() ? '}' : ']');
}

}  // namespace

Json plan_to_json(const Plan& plan) {
  Json json = {{"schema", kPlanSchema}, {"title", plan.title}, {"characters", Json::array()}};
  for (const Character& character : plan.characters) {
    json["characters"].push_back({{"id", character.id}, {"token", character.token}, {"name", character.name}});
  }
  for (const Motion& motion : plan.motions) json["motions"].push_back({{"id", motion.id}, {"phrases", motion.phrases}});
  json["scenes"] = Json::array();
  for (const Scene& scene : plan.scenes) {
    Json frames = Json::array();
    for (const KeyFrame& frame : scene.key_frames) {
      Json regions = Json::array();
      for (const PlannedRegion& region : frame.regions) {
        const Box& box = region.box;
        Json one = {{"character", region.character}, {"motion", region.motion}};
        if (!region.motion_id.empty()) one["motion_id"] = region.motion_id;
        one["caption"] = region.caption;
        one["box"] = Json::array({box.left, box.top, box.right, box.bottom});
        regions.push_back(std::move(one));
      }
      frames.push_back({{"regions", std::move(regions)}});
    }
    Json one = {{"place", scene.place},
                {"motions", scene.motions},
                {"narration", scene.narration},
                {"background", scene.background},
                {"key_frames", std::move(frames)}};
    if (scene.seed) one["seed"] = *scene.seed;
    json["scenes"].push_back(std::move(one));
  }
  return json;
}

std::string format_plan_json(const Plan& plan) {
  std::string text;
  layout(plan_to_json(plan), 0, 0, text);
  return text + '\n';
}

}  // namespace dreamrunner
