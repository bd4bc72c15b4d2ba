#include "plan/plan_form.h"

#include "plan/authors_jsonl.h"
#include "plan/story_script.h"
#include "text/plain_text.h"

namespace dreamrunner {

PlanForm plan_form(std::string_view text) {
  text = without_byte_order_mark(text);
  const size_t first = text.find_first_not_of(" \t\r\n");
  const bool brace = first != std::string_view::npos && text[first] == '{';
  const auto names = [&](std::string_view field) { return text.find(field) != std::string_view::npos; };
  if (looks_like_authors_jsonl(text)) return {PlanFormKind::authors_jsonl, brace, text};
  if (brace && names("\"schema\"")) return {PlanFormKind::plan, brace, text};
  // Before the script is looked for: a model may write "Scene 2: the forest" above its key frames.
  if (names("\"key_frames\"")) return {PlanFormKind::scene, brace, text};
  const bool story = looks_like_story_script(text) || names("\"narration\"");
  return {story ? PlanFormKind::story : PlanFormKind::scene, brace, text};
}

}  // namespace dreamrunner
