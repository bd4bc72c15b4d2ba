#include "oracle.h"

#include <string>

#include "story/plan_json.h"
#include "story/plan_rules.h"

namespace dreamrunner::fuzz {

void require_sound(const Plan& plan) {
  require(!plan.scenes.empty() && plan.scenes.size() <= kMaxScenes, "the number of scenes");
  for (const Scene& scene : plan.scenes) {
    require(!is_blank(scene.background) && !text_fault(scene.background), "a background");
    require(!scene.key_frames.empty() && scene.key_frames.size() <= kMaxKeyFrames, "the number of key frames");
    for (const KeyFrame& frame : scene.key_frames) {
      require(frame.regions.size() <= kMaxRegions, "the number of regions");
      for (const PlannedRegion& region : frame.regions) {
        require(!box_fault(region.box), "a box");
        require(!is_blank(region.caption) && !text_fault(region.caption), "a caption");
        require(!text_fault(region.character) && !text_fault(region.motion), "a name");
      }
    }
  }
  const std::string text = format_plan_json(plan);
  const Plan again = parse_plan_json(text, "written");
  require(again == plan, "a plan that is written and read is the same plan");
  require(format_plan_json(again) == text, "a plan is written in one way");
}

void require_sound(const Scene& scene) {
  Plan plan;
  plan.scenes = {scene};
  require_sound(plan);
}

}  // namespace dreamrunner::fuzz
