#include "plan/prompts.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/environment.h"
#include "base/error.h"
#include "base/files.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxPromptBytes = 256u << 10;

/// All that is ever asked for.
constexpr std::array<std::string_view, 5> kPromptFiles{"story.txt", "story-several.txt", "scene.txt", "scene-several.txt", "again.txt"};

/// `{{name}}`, `{{#name}}` or `{{/name}}`.
struct Tag {
  size_t begin;
  size_t end;
  char kind;  ///< '#', '/' or 0.
  std::string name;
};

/// The first tag at or behind `from`. Other braces, such as those of JSON, are text.
bool next_tag(std::string_view text, size_t from, Tag& tag) {
  for (size_t at = text.find("{{", from); at != std::string_view::npos; at = text.find("{{", at + 1)) {
    size_t name = at + 2;
    const char kind = name < text.size() && (text[name] == '#' || text[name] == '/') ? text[name++] : '\0';
    size_t end = name;
    while (end < text.size() && ((text[end] >= 'a' && text[end] <= 'z') || text[end] == '_')) ++end;
    if (end == name || text.substr(end, 2) != "}}") continue;
    tag = {at, end + 2, kind, std::string(text.substr(name, end - name))};
    return true;
  }
  return false;
}

/// A section's mark that has a line to itself takes the line along.
void widen_to_line(std::string_view text, Tag& tag) {
  const bool at_start = tag.begin == 0 || text[tag.begin - 1] == '\n';
  if (at_start && tag.end < text.size() && text[tag.end] == '\n') ++tag.end;
}

/// A folder that somebody named must be one with prompts: a slip of the pen would leave the program's own in their place.
void check_prompt_folder(const fs::path& folder, const std::string& named_by) {
  const auto refuse = [&](const char* what) {
    throw Error(ErrorKind::input_file, fmt::format("{}: {}: {}", named_by, folder.string(), what),
                fmt::format("name a folder that holds one or more of {}", fmt::join(kPromptFiles, ", ")));
  };
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) refuse("no such folder, prompts expected");
  const bool any = std::any_of(kPromptFiles.begin(), kPromptFiles.end(), [&](std::string_view file) { return fs::exists(folder / file, ignored); });
  if (!any) refuse("holds no prompt");
}

}  // namespace

std::string fill_prompt(std::string_view text, const PromptValues& values, const std::string& origin) {
  const auto fault = [&](size_t at, const std::string& what) {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    return Error(ErrorKind::input_file, fmt::format("{}:{}: {}", origin, line, what));
  };
  std::string result;
  std::string section;  // The open one's name.
  size_t section_begin = 0;
  bool shown = true;
  size_t at = 0;
  for (Tag tag; next_tag(text, at, tag);) {
    if (tag.kind != '\0') widen_to_line(text, tag);
    if (shown) result += text.substr(at, tag.begin - at);
    at = tag.end;
    const auto value = values.find(tag.name);
    if (value == values.end()) {
      std::vector<std::string> names;
      for (const auto& [name, ignored] : values) names.push_back(name);
      throw fault(tag.begin, fmt::format("unknown placeholder {}, expected one of {}", tag.name, fmt::join(names, ", ")));
    }
    if (tag.kind == '#') {
      if (!section.empty()) throw fault(tag.begin, fmt::format("section {} begins inside section {}", tag.name, section));
      section = tag.name;
      section_begin = tag.begin;
      shown = !value->second.empty();
    } else if (tag.kind == '/') {
      if (section != tag.name) throw fault(tag.begin, fmt::format("section {} ends here and does not begin", tag.name));
      section.clear();
      shown = true;
    } else if (shown) {
      result += value->second;
    }
  }
  if (!section.empty()) throw fault(section_begin, fmt::format("section {} does not end", section));
  result += text.substr(at);
  return result;
}

std::vector<fs::path> prompt_folders(const fs::path& program_folder, const fs::path& wished) {
  std::vector<fs::path> folders;
  const auto add_named = [&](const fs::path& folder, const char* named_by) {
    check_prompt_folder(folder, named_by);
    folders.push_back(folder);
  };
  if (!wished.empty()) add_named(wished, "planner.prompts");
  if (const std::string named = environment("DREAMRUNNER_PROMPTS"); !named.empty()) add_named(named, "DREAMRUNNER_PROMPTS");
  folders.push_back((program_folder / "../prompts").lexically_normal());
  folders.push_back((program_folder / "../share/dreamrunner/prompts").lexically_normal());
  return folders;
}

Prompt load_prompt(const std::vector<fs::path>& folders, const std::string& file, const PromptValues& values) {
  std::vector<std::string> searched;
  for (const fs::path& folder : folders) {
    const fs::path path = folder / file;
    std::error_code ignored;
    if (!fs::exists(path, ignored)) {
      searched.push_back(path.string());
      continue;
    }
    // Parted before it is filled in: a value with such a line in it must not move the border.
    const std::string text = read_file(path, kMaxPromptBytes);
    constexpr std::string_view kMark = "[user]\n";
    const size_t mark = text.starts_with(kMark) ? 0 : text.find("\n[user]\n");
    if (mark == std::string::npos) {
      throw Error(ErrorKind::input_file, fmt::format("{}: the line [user] is missing, expected before what differs from ask to ask", path.string()));
    }
    const size_t user = text.find(kMark, mark) + kMark.size();
    const std::string_view whole = text;
    return {fill_prompt(whole.substr(0, mark), values, path.string()), fill_prompt(whole.substr(user), values, path.string() + " behind [user]")};
  }
  throw Error(ErrorKind::input_file, fmt::format("prompt {}: not found; looked at {}", file, fmt::join(searched, ", ")),
              "prompts come with the program, in prompts/ of its source or share/dreamrunner/prompts; DREAMRUNNER_PROMPTS names another folder");
}

}  // namespace dreamrunner
