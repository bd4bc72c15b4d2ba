#include <algorithm>
#include <string>

#include "oracle.h"
#include "plan/authors_jsonl.h"
#include "plan/lint.h"
#include "plan/plan_text.h"
#include "plan/preview.h"
#include "story/json_position.h"
#include "story/plan_json.h"
#include "targets.h"

namespace dreamrunner::fuzz {

void plan_text(std::string_view bytes) {
  const PlanTextResult result = read_plan_text(bytes);
  for (const PlanTextFault& fault : result.faults) {
    require(fault.offset <= bytes.size() && !fault.what.empty(), "the place of a fault");
    require(!line_and_column(bytes, fault.offset).empty(), "a line and a column");
  }
  if (result.faults.empty()) require_sound(result.scene);
  try {
    require(parse_plan_text(bytes, "fuzz") == result.scene, "two ways to read give one scene");
    require(result.faults.empty(), "a scene with faults is refused");
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::plan_refused);
    require(!result.faults.empty(), "a scene without faults is taken");
  }
}

void plan_json(std::string_view bytes) {
  require(pointer_at_end(bytes).size() <= bytes.size() * 4 + 64, "a pointer that grows without reason");
  try {
    require_sound(parse_plan_json(bytes, "fuzz"));
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::plan_refused);
  }
}

/// What is done with a plan before anything is generated: it is checked and shown on a terminal.
void plan_checks(std::string_view bytes) {
  Plan plan;
  try {
    plan = parse_plan_json(bytes, "fuzz");
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::plan_refused);
    return;
  }
  LintOptions options;
  options.grid = LintGrid{8, 6, 9};
  options.text = bytes;
  const auto lines = 1 + std::count(bytes.begin(), bytes.end(), '\n');
  const std::vector<LintFinding> findings = lint_plan(plan, options);
  for (const LintFinding& finding : findings) {
    require(!finding.message.empty() && finding.pointer.starts_with('/'), "a finding says what and where");
    require(finding.line >= 1 && finding.line <= lines, "a finding's line is one of the text");
    require(static_cast<size_t>(finding.line) == line_of_pointer(bytes, finding.pointer), "two ways to find a line");
  }
  require(findings_to_json(findings)["findings"].size() == findings.size(), "findings as JSON");
  require(!plan_preview_text(plan, 60).empty(), "a preview");
}

void authors_jsonl(std::string_view bytes) {
  for (size_t number = 1; !bytes.empty() && number <= 8; ++number) {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(line.size() + 1, bytes.size()));
    looks_like_authors_jsonl(line);
    try {
      require_sound(parse_authors_line(line, number, "fuzz"));
    } catch (const Error& error) {
      require_refusal(error, ErrorKind::plan_refused);
    }
  }
}

}  // namespace dreamrunner::fuzz
