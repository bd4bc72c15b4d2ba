#include "oracle.h"
#include "plan/reply_reader.h"
#include "plan/story_script.h"
#include "targets.h"

namespace dreamrunner::fuzz {

void story_script(std::string_view bytes) {
  looks_like_story_script(bytes);
  const StoryScriptResult result = read_story_script(bytes);
  for (const PlanTextFault& fault : result.faults) require(fault.offset <= bytes.size() && !fault.what.empty(), "the place of a fault");
  require(!result.faults.empty() || !result.story.scenes.empty(), "a story without scenes is refused");
}

void reply(std::string_view bytes) {
  try {
    const StoryPlan story = read_story_reply(bytes, "fuzz");
    require(!story.scenes.empty(), "a story has scenes");
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::plan_refused);
  }
  try {
    require_sound(read_scene_reply(bytes, "fuzz"));
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::plan_refused);
  }
}

}  // namespace dreamrunner::fuzz
