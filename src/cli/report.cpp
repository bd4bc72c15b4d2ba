#include "cli/report.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "cli/terminal_text.h"

namespace dreamrunner {
namespace {

constexpr int kWidestName = 44;
/// An object that takes no more columns than this stands on its name's line.
constexpr int kInlineColumns = 72;

/// What these hold is named by files and people, not by us: names stay as they are.
bool holds_foreign_names(const std::string& name) {
  constexpr std::array<std::string_view, 6> kForeign = {"artefacts", "characters", "metadata", "models", "names", "types"};
  return std::find(kForeign.begin(), kForeign.end(), name) != kForeign.end();
}

/// Underscores to blanks, the unit gone.
std::string label_of(const std::string& name, bool foreign) {
  if (foreign) return printable(name);
  std::string label = name;
  for (const std::string_view unit : {"_bytes", "_s"}) {
    if (label.size() > unit.size() && label.ends_with(unit)) label.resize(label.size() - unit.size());
  }
  std::replace(label.begin(), label.end(), '_', ' ');
  return printable(label);
}

std::string value_text(const std::string& name, const Json& value);

std::string list_text(const std::string& name, const Json& list) {
  std::string text;
  for (const Json& item : list) text += (text.empty() ? "" : ", ") + value_text(name, item);
  return text.empty() ? "none" : text;
}

std::string object_text(const std::string& its_name, const Json& object) {
  const bool foreign = holds_foreign_names(its_name);
  std::string text;
  for (const auto& [name, value] : object.items()) {
    text += fmt::format("{}{} {}", text.empty() ? "" : "; ", label_of(name, foreign), value_text(name, value));
  }
  return text.empty() ? "none" : text;
}

std::string value_text(const std::string& name, const Json& value) {
  if (value.is_string()) return one_line(value.get_ref<const std::string&>());
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_null()) return "unknown";
  if (value.is_array()) return list_text(name, value);
  if (value.is_object()) return object_text(name, value);
  if (name.ends_with("_bytes") && value.is_number_unsigned()) return format_bytes(value.get<uint64_t>());
  if (name.ends_with("_s")) return format_duration(value.get<double>());
  if (value.is_number_integer()) return name == "seed" ? value.dump() : format_count(value.get<int64_t>());
  return fmt::format("{:.6g}", value.get<double>());
}

/// Whether a value takes lines of its own below its name.
bool is_block(const std::string& name, const Json& value) {
  if (value.is_array()) return !value.empty() && value.front().is_object();
  if (!value.is_object()) return false;
  const bool nested = std::any_of(value.begin(), value.end(), [](const Json& item) { return item.is_structured() && is_block("", item); });
  return nested || text_width(object_text(name, value)) > kInlineColumns;
}

void render(const std::string& its_name, const Json& object, size_t indent, std::string& out) {
  const bool foreign = holds_foreign_names(its_name);
  int column = 0;
  for (const auto& [name, value] : object.items()) {
    if (!is_block(name, value)) column = std::max(column, std::min(text_width(label_of(name, foreign)), kWidestName));
  }
  const std::string margin(indent, ' ');
  for (const auto& [name, value] : object.items()) {
    const std::string label = label_of(name, foreign);
    if (!is_block(name, value)) {
      const std::string gap(static_cast<size_t>(std::max(column - text_width(label), 0) + 2), ' ');
      out += fmt::format("{}{}{}{}\n", margin, label, gap, value_text(name, value));
      continue;
    }
    out += fmt::format("{}{}\n", margin, label);
    if (value.is_object()) {
      render(name, value, indent + 2, out);
    } else {
      for (const Json& item : value) out += fmt::format("{}  {}\n", margin, value_text(name, item));
    }
  }
}

}  // namespace

std::string render_report(const Json& report) {
  std::string out;
  render("", report, 0, out);
  return out;
}

}  // namespace dreamrunner
