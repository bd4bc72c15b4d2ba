#include "plan/load_plan.h"

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "plan/authors_jsonl.h"
#include "plan/plan_form.h"
#include "plan/plan_text.h"
#include "story/plan_json.h"
#include "story/plan_rules.h"
#include "text/plain_text.h"

namespace dreamrunner {
namespace {

PlanForm form_of(std::string_view text, const std::string& origin) {
  const PlanForm form = plan_form(text);
  if (is_blank(form.text)) throw Error(ErrorKind::plan_refused, fmt::format("{}: is empty, expected a plan", origin));
  return form;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

[[noreturn]] void refuse_number(const std::string& origin, size_t number, size_t scenes, const char* unit) {
  throw Error(ErrorKind::usage, fmt::format("{}: scene {} was asked for, the file has {} {}", origin, number, scenes, unit),
              "scenes count from 1");
}

Plan plan_of_lines(std::string_view text, const std::string& origin) {
  Plan plan;
  const auto lines = lines_of(text);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (is_blank(lines[i])) continue;
    if (plan.scenes.size() == kMaxScenes) {
      throw Error(ErrorKind::plan_refused, fmt::format("{}:{}: more scenes than {}", origin, i + 1, kMaxScenes));
    }
    plan.scenes.push_back(parse_authors_line(lines[i], i + 1, origin));
  }
  return plan;
}

}  // namespace

std::string read_plan_file(const std::filesystem::path& path) {
  const uint64_t limit = JsonLimits{}.max_bytes;
  std::error_code failed;
  const uint64_t size = std::filesystem::file_size(path, failed);
  if (!failed && size > limit) {
    throw Error(ErrorKind::plan_refused, fmt::format("{}: {} bytes, expected a plan of at most {}", path.string(), size, limit));
  }
  std::string text = read_file(path, limit);
  if (is_marked_utf16(text)) throw Error(ErrorKind::plan_refused, fmt::format("{}: is UTF-16, UTF-8 expected", path.string()), "save it as UTF-8");
  return text;
}

Plan load_plan(const std::filesystem::path& path) {
  const std::string bytes = read_plan_file(path);
  const std::string origin = path.string();
  const PlanForm form = form_of(bytes, origin);
  if (form.kind == PlanFormKind::authors_jsonl) return plan_of_lines(form.text, origin);
  if (form.begins_with_brace) return parse_plan_json(form.text, origin);
  Plan plan;
  plan.scenes.push_back(parse_plan_text(form.text, origin));
  return plan;
}

Scene load_scene(const std::filesystem::path& path, size_t number) {
  const std::string bytes = read_plan_file(path);
  const std::string origin = path.string();
  if (const PlanForm form = form_of(bytes, origin); form.kind == PlanFormKind::authors_jsonl) {
    const auto lines = lines_of(form.text);
    if (number < 1 || number > lines.size()) refuse_number(origin, number, lines.size(), "lines");
    if (is_blank(lines[number - 1])) throw Error(ErrorKind::plan_refused, fmt::format("{}:{}: is blank, expected a plan", origin, number));
    return parse_authors_line(lines[number - 1], number, origin);
  }
  Plan plan = load_plan(path);
  if (number < 1 || number > plan.scenes.size()) refuse_number(origin, number, plan.scenes.size(), plan.scenes.size() == 1 ? "scene" : "scenes");
  return std::move(plan.scenes[number - 1]);
}

}  // namespace dreamrunner
