#include <algorithm>

#include <fmt/format.h>

#include "plan/lint.h"

namespace dreamrunner {
namespace {

const char* severity_name(Severity severity) { return severity == Severity::error ? "error" : "warning"; }

size_t count_of(const std::vector<LintFinding>& findings, Severity severity) {
  return static_cast<size_t>(
      std::count_if(findings.begin(), findings.end(), [&](const LintFinding& finding) { return finding.severity == severity; }));
}

std::string counted(size_t count, const char* what) { return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s"); }

}  // namespace

std::string format_findings(const std::vector<LintFinding>& findings, const std::string& origin) {
  std::string text;
  for (const LintFinding& finding : findings) {
    text += origin;
    if (finding.line > 0) text += fmt::format(":{}", finding.line);
    text += fmt::format(":{}: {}: {}", finding.pointer, severity_name(finding.severity), finding.message);
    if (!finding.hint.empty()) text += "; " + finding.hint;
    text += fmt::format(" [{}]\n", finding.rule);
  }
  return text;
}

std::string count_findings(const std::vector<LintFinding>& findings) {
  return counted(count_of(findings, Severity::error), "error") + ", " + counted(count_of(findings, Severity::warning), "warning");
}

Json findings_to_json(const std::vector<LintFinding>& findings) {
  Json list = Json::array();
  for (const LintFinding& finding : findings) {
    list.push_back({{"rule", finding.rule},
                    {"severity", severity_name(finding.severity)},
                    {"pointer", finding.pointer},
                    {"line", finding.line > 0 ? Json(finding.line) : Json()},
                    {"message", finding.message},
                    {"hint", finding.hint}});
  }
  return {{"schema", 1},
          {"errors", count_of(findings, Severity::error)},
          {"warnings", count_of(findings, Severity::warning)},
          {"findings", list}};
}

}  // namespace dreamrunner
