#include "film/toml_table.h"

#include <array>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/home_folder.h"

namespace dreamrunner {
namespace {

struct KeyPlace {
  std::string_view key;
  std::string_view section;
};

/// Keys that people put at the top of the file, or under another heading, and where they belong.
constexpr std::array<KeyPlace, 22> kPlaces{{{"steps", "[generate]"},
                                            {"guidance_scale", "[generate]"},
                                            {"negative_prompt", "[generate]"},
                                            {"num_frames", "[generate]"},
                                            {"height", "[generate]"},
                                            {"width", "[generate]"},
                                            {"sampler", "[generate]"},
                                            {"interpolation", "[generate]"},
                                            {"visual_attn", "[generate]"},
                                            {"noise_dtype", "[generate]"},
                                            {"vae_tiling", "[generate]"},
                                            {"fps", "[generate]"},
                                            {"device", "[model]"},
                                            {"dtype", "[model]"},
                                            {"seed", "the top of the file"},
                                            {"title", "the top of the file"},
                                            {"plan", "the top of the file"},
                                            {"story", "the top of the file"},
                                            {"topic", "the top of the file"},
                                            {"key_frames", "[planner]"},
                                            {"kind", "[planner]"},
                                            {"url", "[planner]"}}};

std::string_view place_of(std::string_view key) {
  for (const KeyPlace& place : kPlaces) {
    if (place.key == key) return place.section;
  }
  return {};
}

std::string found(const toml::node& node) {
  std::ostringstream text;
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return fmt::format("the text \"{}\"", node.as_string()->get());
    default: node.visit([&](const auto& value) {
      if constexpr (toml::is_value<decltype(value)>) text << value;
    });
  }
  return text.str();
}

/// The line on which a key or a heading has more than `most` dotted parts, or 0. The library nests a table for each part, and
/// walks and frees them by recursion: tens of thousands end the program.
int64_t line_of_long_key(std::string_view text, int most) {
  int64_t line = 1;
  int parts = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\'') {  // A string, whatever it is for, is one part.
      const bool is_long = text.substr(i).starts_with(std::string(3, c));
      const std::string end(is_long ? 3 : 1, c);
      for (i += end.size(); i < text.size() && !text.substr(i).starts_with(end); ++i) {
        if (text[i] == '\n') ++line;
        if (text[i] == '\n' && !is_long) break;
        if (text[i] == '\\' && c == '"') ++i;
      }
      i += end.size() - 1;
    } else if (c == '#') {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (c == '.') {
      if (++parts > most) return line;
    } else if (c == '\n' || c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}') {
      parts = 0;
      if (c == '\n') ++line;
    }
  }
  return 0;
}

}  // namespace

toml::table parse_toml(const std::string& text, const std::string& file) {
  constexpr int kMostParts = 64;
  if (const int64_t line = line_of_long_key(text, kMostParts); line > 0) {
    throw Error(ErrorKind::input_file, fmt::format("{}:{}: a key of more than {} parts", file, line, kMostParts), "the longest that a film has are of two");
  }
  try {
    return toml::parse(std::string_view(text), std::string_view(file));
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    const std::string message = fmt::format("{}:{}:{}: {}", file, at.line, at.column, error.description());
    if (error.description().find("not representable in 64 bits") != std::string_view::npos) {
      throw Error(ErrorKind::usage, message, fmt::format("the largest seed is {}", kSeedRange.most));
    }
    throw Error(ErrorKind::input_file, message, "the file must be TOML (toml.io)");
  }
}

TableReader::TableReader(const toml::table& table, std::string file, std::string section)
    : table_(table), file_(std::move(file)), section_(std::move(section)) {}

std::string TableReader::where(const std::string& key) const {
  const toml::node* node = table_.get(key);
  const auto line = (node != nullptr ? node->source() : table_.source()).begin.line;
  return fmt::format("{}:{}: {}{}{}", file_, line, section_, section_.empty() ? "" : ".", key);
}

const toml::node* TableReader::take(const std::string& key) {
  known_.insert(key);
  return table_.get(key);
}

void TableReader::wrong_type(const std::string& key, const char* expected) const {
  throw Error(ErrorKind::usage, fmt::format("{}: found {}, {} expected", where(key), found(*table_.get(key)), expected));
}

std::optional<std::string> TableReader::text(const std::string& key) {
  const toml::node* node = take(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_string()) wrong_type(key, "a text in quotes");
  return without_nul(key, node->as_string()->get());
}

std::optional<std::string> TableReader::path(const std::string& key) {
  const auto value = text(key);
  return value ? std::optional(expand_home(*value).string()) : value;
}

std::optional<std::string> TableReader::choice(const std::string& key, std::span<const std::string_view> choices) {
  const auto value = text(key);
  if (value) checked_choice(where(key), *value, choices);
  return value;
}

std::optional<int64_t> TableReader::whole(const std::string& key, WholeRange range) {
  const toml::node* node = take(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_integer()) wrong_type(key, "a whole number");
  return checked_whole(where(key), node->as_integer()->get(), range);
}

std::optional<double> TableReader::number(const std::string& key, double least, double most) {
  const toml::node* node = take(key);
  if (node == nullptr) return std::nullopt;
  if (node->is_integer()) return checked_number(where(key), static_cast<double>(node->as_integer()->get()), least, most);
  if (!node->is_floating_point()) wrong_type(key, "a number");
  return checked_number(where(key), node->as_floating_point()->get(), least, most);
}

std::optional<bool> TableReader::flag(const std::string& key) {
  const toml::node* node = take(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_boolean()) wrong_type(key, "true or false");
  return node->as_boolean()->get();
}

std::optional<Json> TableReader::value(const std::string& key) {
  const toml::node* node = take(key);
  if (node == nullptr) return std::nullopt;
  if (node->is_boolean()) return Json(node->as_boolean()->get());
  if (node->is_integer()) return Json(node->as_integer()->get());
  if (node->is_floating_point()) return Json(node->as_floating_point()->get());
  if (node->is_string()) return Json(node->as_string()->get());
  wrong_type(key, "a plain value");
}

std::vector<std::string> TableReader::texts(const std::string& key) {
  const toml::node* node = take(key);
  if (node == nullptr) return {};
  if (node->is_string()) return {without_nul(key, node->as_string()->get())};
  if (!node->is_array()) wrong_type(key, "a text or a list of texts");
  std::vector<std::string> values;
  for (const toml::node& element : *node->as_array()) {
    if (!element.is_string()) {
      throw Error(ErrorKind::usage, fmt::format("{}: found {} in the list, texts in quotes expected", where(key), found(element)));
    }
    values.push_back(without_nul(key, element.as_string()->get()));
  }
  return values;
}

const std::string& TableReader::without_nul(const std::string& key, const std::string& text) const {
  // The system's calls end a path there, so what is opened would not be what is shown.
  if (text.find('\0') != std::string::npos) throw Error(ErrorKind::usage, fmt::format("{}: found a text with the character U+0000", where(key)));
  return text;
}

const toml::table* TableReader::table(const std::string& key) {
  const toml::node* node = take(key);
  if (node == nullptr) return nullptr;
  if (!node->is_table()) wrong_type(key, fmt::format("a table [{}]", key).c_str());
  return node->as_table();
}

std::vector<const toml::table*> TableReader::tables(const std::string& key) {
  const toml::node* node = take(key);
  if (node == nullptr) return {};
  const std::string expected = fmt::format("tables [[{}]]", key);
  if (!node->is_array()) wrong_type(key, expected.c_str());
  std::vector<const toml::table*> found_tables;
  for (const toml::node& element : *node->as_array()) {
    if (!element.is_table()) wrong_type(key, expected.c_str());
    found_tables.push_back(element.as_table());
  }
  return found_tables;
}

void TableReader::finish() const {
  for (const auto& [name, node] : table_) {
    const std::string key(name.str());
    if (known_.contains(key)) continue;
    const std::vector<std::string_view> known(known_.begin(), known_.end());
    std::string hint;
    if (const std::string_view section = place_of(key); !section.empty()) {
      hint = fmt::format("it belongs at {}", section);
      if (section.front() == '[') hint = fmt::format("it belongs under {}", section);
    } else if (const std::string near = nearest_word(key, known); !near.empty()) {
      hint = fmt::format("did you mean \"{}\"?", near);
    } else {
      hint = fmt::format("known here: {}", fmt::join(known, ", "));
    }
    throw Error(ErrorKind::usage, fmt::format("{}: unknown key", where(key)), hint);
  }
}

}  // namespace dreamrunner
