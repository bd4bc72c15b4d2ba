#include "plan/load_plan.h"

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "plan/authors_jsonl.h"
#include "plan/plan_text.h"
#include "story/plan_json.h"
#include "story/plan_rules.h"

namespace dreamrunner {
namespace {

enum class Form { json, text, authors_jsonl };

std::string read_plan_file(const std::filesystem::path& path) {
  const uint64_t limit = JsonLimits{}.max_bytes;
  std::error_code failed;
  const uint64_t size = std::filesystem::file_size(path, failed);
  if (!failed && size > limit) {
    throw Error(ErrorKind::plan_refused, fmt::format("{}: {} bytes, expected a plan of at most {}", path.string(), size, limit));
  }
  std::string text = read_file(path, limit);
  if (text.starts_with("\ufeff")) text.erase(0, 3);  // What some editors put in front of UTF-8.
  return text;
}

Form form_of(std::string_view text, const std::string& origin) {
  if (is_blank(text)) throw Error(ErrorKind::plan_refused, fmt::format("{}: is empty, expected a plan", origin));
  if (looks_like_authors_jsonl(text)) return Form::authors_jsonl;
  return text[text.find_first_not_of(" \t\r\n")] == '{' ? Form::json : Form::text;
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

Plan load_plan(const std::filesystem::path& path) {
  const std::string text = read_plan_file(path);
  const std::string origin = path.string();
  switch (form_of(text, origin)) {
    case Form::json: return parse_plan_json(text, origin);
    case Form::authors_jsonl: return plan_of_lines(text, origin);
    case Form::text: break;
  }
  Plan plan;
  plan.scenes.push_back(parse_plan_text(text, origin));
  return plan;
}

Scene load_scene(const std::filesystem::path& path, size_t number) {
  const std::string text = read_plan_file(path);
  const std::string origin = path.string();
  if (form_of(text, origin) == Form::authors_jsonl) {
    const auto lines = lines_of(text);
    if (number < 1 || number > lines.size()) refuse_number(origin, number, lines.size(), "lines");
    if (is_blank(lines[number - 1])) throw Error(ErrorKind::plan_refused, fmt::format("{}:{}: is blank, expected a plan", origin, number));
    return parse_authors_line(lines[number - 1], number, origin);
  }
  Plan plan = load_plan(path);
  if (number < 1 || number > plan.scenes.size()) refuse_number(origin, number, plan.scenes.size(), plan.scenes.size() == 1 ? "scene" : "scenes");
  return std::move(plan.scenes[number - 1]);
}

}  // namespace dreamrunner
