#include "plan/chat_schema.h"

#include <utility>

namespace dreamrunner {
namespace {

Json text() { return {{"type", "string"}}; }

Json list(Json items, int least, int most) {
  return {{"type", "array"}, {"items", std::move(items)}, {"minItems", least}, {"maxItems", most}};
}

/// An object of exactly these fields; servers that keep to schemas strictly want it said so.
Json object(Json fields) {
  Json required = Json::array();
  for (const auto& [name, field] : fields.items()) required.push_back(name);
  return {{"type", "object"}, {"properties", std::move(fields)}, {"required", std::move(required)}, {"additionalProperties", false}};
}

}  // namespace

Json story_schema(const PlanningTask& task) {
  const Json scene = object({{"place", text()}, {"motions", list(text(), 1, task.max_motions)}, {"narration", text()}});
  return object({{"scenes", list(scene, task.min_scenes, task.max_scenes)}});
}

Json scene_schema(const PlanningTask& task) {
  const Json box = list({{"type", "number"}}, 4, 4);
  const Json region = object({{"character", text()}, {"motion", text()}, {"caption", text()}, {"box", box}});
  const Json frame = object({{"regions", list(region, 0, 8)}});
  return object({{"reasoning", text()}, {"background", text()}, {"key_frames", list(frame, task.key_frames, task.key_frames)}});
}

}  // namespace dreamrunner
