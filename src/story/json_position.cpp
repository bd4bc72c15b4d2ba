#include "story/json_position.h"

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

namespace dreamrunner {
namespace {

/// Walks JSON from front to back, keeping the pointer of where it is. The JSON library knows either the values or their
/// places, not both; this is the second half, and it only runs once something has to be reported.
class Walker {
 public:
  /// `on_value(pointer, offset)` is called where each value begins.
  Walker(std::string_view text, std::function<void(const std::string&, size_t)> on_value)
      : text_(text), on_value_(std::move(on_value)) {}

  /// The pointer of what is open at the end.
  std::string walk() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '{' || c == '[') {
        begin_value();
        open_.push_back({path_.size(), c == '{', 0});
        ++at_;
        expect_name_ = c == '{';
      } else if (c == '}' || c == ']') {
        if (!open_.empty()) {
          path_.resize(open_.back().path);
          open_.pop_back();
        }
        ++at_;
        expect_name_ = false;
      } else if (c == ',') {
        if (!open_.empty()) {
          ++open_.back().index;
          expect_name_ = open_.back().is_object;
        }
        ++at_;
      } else if (c == '"') {
        const size_t begin = at_;
        const size_t end = end_of_string();
        if (expect_name_) {
          path_.resize(open_.back().path);
          path_ += '/' + escaped(text_.substr(begin, end - begin));
          expect_name_ = false;
        } else {
          begin_value();
        }
        at_ = end;
      } else if (c == ':' || c == ' ' || c == '\n' || c == '\r' || c == '\t') {
        ++at_;
      } else {
        begin_value();
        at_ = std::min(text_.find_first_of(",]} \n\r\t", at_), text_.size());
      }
    }
    return open_.empty() ? std::string() : path_.substr(0, open_.back().path);
  }

 private:
  struct Level {
    size_t path;  ///< Length of the container's own pointer.
    bool is_object;
    size_t index;
  };

  void begin_value() {
    if (!open_.empty() && !open_.back().is_object) {
      path_.resize(open_.back().path);
      path_ += '/' + std::to_string(open_.back().index);
    }
    on_value_(path_, at_);
  }

  size_t end_of_string() const {
    for (size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\') ++i;
      else if (text_[i] == '"') return i + 1;
    }
    return text_.size();
  }

  /// A quoted name, decoded, with the two characters that mean something in a pointer escaped.
  static std::string escaped(std::string_view quoted) {
    const auto name = nlohmann::json::parse(quoted, nullptr, false);
    std::string result;
    for (const char c : name.is_string() ? name.get<std::string>() : std::string(quoted)) {
      if (c == '~') result += "~0";
      else if (c == '/') result += "~1";
      else result += c;
    }
    return result;
  }

  std::string_view text_;
  std::function<void(const std::string&, size_t)> on_value_;
  size_t at_ = 0;
  bool expect_name_ = false;
  std::string path_;
  std::vector<Level> open_;
};

}  // namespace

size_t line_of_pointer(std::string_view text, std::string_view pointer) {
  size_t offset = 0;
  size_t depth = 0;
  Walker(text, [&](const std::string& path, size_t at) {
    const bool on_the_way = pointer.starts_with(path) && (pointer.size() == path.size() || pointer[path.size()] == '/');
    if (on_the_way && path.size() >= depth) {
      offset = at;
      depth = path.size();
    }
  }).walk();
  return 1 + static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

std::vector<size_t> lines_of_pointers(std::string_view text, const std::vector<std::string>& pointers) {
  // Every pointer and every place on the way to it, so that a missing value has the line of what it is missing from.
  std::unordered_map<std::string, size_t> line_of;
  for (const std::string& pointer : pointers) {
    for (size_t end = pointer.size(); end != std::string::npos && line_of.emplace(pointer.substr(0, end), 0).second;) {
      end = end == 0 ? std::string::npos : pointer.rfind('/', end - 1);
    }
  }
  size_t line = 1;
  size_t counted = 0;
  Walker(text, [&](const std::string& path, size_t at) {
    const auto wanted = line_of.find(path);
    if (wanted == line_of.end()) return;
    line += static_cast<size_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(counted), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    counted = at;
    wanted->second = line;
  }).walk();
  std::vector<size_t> lines;
  for (const std::string& pointer : pointers) {
    size_t end = pointer.size();
    while (end > 0 && line_of[pointer.substr(0, end)] == 0) end = pointer.rfind('/', end - 1);
    lines.push_back(std::max<size_t>(1, line_of[pointer.substr(0, end)]));
  }
  return lines;
}

std::string pointer_at_end(std::string_view text) {
  return Walker(text, [](const std::string&, size_t) {}).walk();
}

}  // namespace dreamrunner
