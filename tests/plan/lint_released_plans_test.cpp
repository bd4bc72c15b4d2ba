#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "plan/lint.h"
#include "plan/load_plan.h"
#include "support/shared_folder.h"

namespace dreamrunner {
namespace {

/// How many of a file's 100 scenes a rule speaks of.
using Count = std::map<std::string, int>;

Count scenes_with_findings(const std::string& file) {
  LintOptions options;
  options.grid = LintGrid{12, 30, 45};
  Count count;
  for (const Scene& scene : load_plan(test::shared_folder() / "plans" / file).scenes) {
    Plan plan;
    plan.scenes = {scene};
    std::map<std::string, bool> fired;
    for (const LintFinding& finding : lint_plan(plan, options)) {
      fired[finding.rule] = true;
      EXPECT_EQ(finding.severity, Severity::warning) << finding.rule << ": a real plan can be generated";
    }
    for (const auto& [rule, yes] : fired) count[rule] += yes;
  }
  return count;
}

/// The table of docs/lint.md says what this measures; `scene-count` is left out, because each line is a scene alone.
TEST(LintReleasedPlans, FiresAsOftenAsTheTableSays) {
  if (!test::has_shared_folder()) GTEST_SKIP() << "no shared plans beside this checkout";
  const std::string docs = read_file(std::filesystem::path(DREAMRUNNER_SOURCE_DIR) / "docs/lint.md", 1 << 20);
  const std::vector<Count> counts{scenes_with_findings("1_consistent_attribute_binding.jsonl"),
                                  scenes_with_findings("4_motion_binding.jsonl"), scenes_with_findings("6_object_interactions.jsonl")};
  for (const LintRule& rule : lint_rules()) {
    if (std::string(rule.name) == "scene-count") continue;
    std::string row = fmt::format("| `{}` |", rule.name);
    int all = 0;
    for (Count count : counts) {
      row += fmt::format(" {} |", count[rule.name]);
      all += count[rule.name];
    }
    if (all == 0) continue;
    row += fmt::format(" {} |", all);
    EXPECT_NE(docs.find(row), std::string::npos) << "docs/lint.md lacks the row\n" << row;
  }
}

TEST(LintDocs, HaveASectionForEveryRule) {
  const std::string docs = read_file(std::filesystem::path(DREAMRUNNER_SOURCE_DIR) / "docs/lint.md", 1 << 20);
  for (const LintRule& rule : lint_rules()) {
    const std::string heading = fmt::format("### {}\n", rule.name);
    EXPECT_NE(docs.find(heading), std::string::npos) << heading;
    const bool says_error = docs.find(fmt::format("### {}\n\nError.", rule.name)) != std::string::npos;
    EXPECT_EQ(says_error, rule.severity == Severity::error) << rule.name;
  }
}

}  // namespace
}  // namespace dreamrunner
