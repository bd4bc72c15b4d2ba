#include "base/json.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"

namespace dreamrunner {
namespace {

/// Builds a Json from parse events, refusing doubled names and deep nesting on the way: a document that is refused is
/// never built in full.
class Builder : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(int max_depth) : max_depth_(max_depth) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (!stack_.back().names.insert(name).second) return fail(fmt::format("the name \"{}\" comes twice in one object", name));
    stack_.back().key = name;
    return true;
  }

  bool parse_error(size_t position, const std::string& token, const nlohmann::json::exception& exception) override {
    std::string reason = exception.what();  // "[json.exception...] parse error at line 1, column 2: syntax error ..."
    if (const auto at = reason.find("syntax error"); at != std::string::npos) {
      reason = reason.substr(at);
    } else if (const auto end = reason.find("] "); end != std::string::npos) {
      reason = reason.substr(end + 2);  // "[json.exception.out_of_range.406] number overflow parsing '1e999'"
    }
    position_ = position;
    (void)token;
    return fail(reason);
  }

  Json root;
  std::optional<std::string> fault;
  std::optional<size_t> position_;

 private:
  struct Level {
    Json* value;
    std::string key;
    std::unordered_set<std::string> names;
  };

  bool fail(std::string reason) {
    fault = std::move(reason);
    return false;
  }

  Json* place(Json value) {
    if (stack_.empty()) {
      root = std::move(value);
      return &root;
    }
    Level& top = stack_.back();
    if (top.value->is_array()) {
      top.value->push_back(std::move(value));
      return &top.value->back();
    }
    // The name is known to be new, so the object's vector is appended to: operator[] would search it, which is
    // quadratic in a header of many thousand tensors.
    auto& members = top.value->get_ref<Json::object_t&>();
    members.emplace_back(top.key, std::move(value));
    return &members.back().second;
  }

  bool put(Json value) {
    place(std::move(value));
    return true;
  }

  bool open(Json value) {
    if (static_cast<int>(stack_.size()) >= max_depth_) return fail(fmt::format("nested deeper than {} levels", max_depth_));
    Json* slot = place(std::move(value));
    stack_.push_back({slot, {}, {}});
    return true;
  }

  bool close() {
    stack_.pop_back();
    return true;
  }

  int max_depth_;
  std::vector<Level> stack_;
};

/// Counts the characters the parser consumed, so that every fault has a line and a column.
struct CountingIterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;
  const char* at;
  size_t* consumed;
  reference operator*() const { return *at; }
  CountingIterator& operator++() {
    ++at;
    ++*consumed;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(const CountingIterator& other) const { return at == other.at; }
  bool operator!=(const CountingIterator& other) const { return at != other.at; }
};

}  // namespace

Json parse_json(std::string_view text, const std::string& origin, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    throw Error(ErrorKind::input_file, fmt::format("{}: {} bytes of JSON, at most {} expected", origin, text.size(), limits.max_bytes));
  }
  Builder builder(limits.max_depth);
  size_t consumed = 0;
  CountingIterator first{text.data(), &consumed};
  CountingIterator last{text.data() + text.size(), &consumed};
  if (!nlohmann::ordered_json::sax_parse(first, last, &builder) || builder.fault) {
    const size_t end = std::min(consumed, text.size());
    const std::string_view before = text.substr(0, end > 0 ? end - 1 : 0);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t newline = before.rfind('\n');
    const size_t column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
    throw Error(ErrorKind::input_file,
                fmt::format("{}:{}:{}: {}", origin, line, column, builder.fault.value_or("not JSON")));
  }
  return std::move(builder.root);
}

Json read_json_file(const std::filesystem::path& path, const JsonLimits& limits) {
  return parse_json(read_file(path, limits.max_bytes), path.string(), limits);
}

}  // namespace dreamrunner
