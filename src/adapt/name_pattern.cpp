#include "adapt/name_pattern.h"

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

constexpr size_t kMostLetters = 2000;
constexpr size_t kMostNodes = 20'000;
constexpr int kMostRepeats = 1000;
constexpr int kMostDepth = 50;
constexpr int kNoEnd = -1;  // Of {m,}.

bool is_word(unsigned char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
bool is_space(unsigned char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// \d, \w, \s and their opposites; false for another letter.
bool fill_class(char letter, std::vector<bool>& set) {
  bool (*member)(unsigned char) = nullptr;
  switch (letter | 0x20) {
    case 'd': member = is_digit; break;
    case 'w': member = is_word; break;
    case 's': member = is_space; break;
    default: return false;
  }
  const bool opposite = letter < 'a';
  for (size_t c = 0; c < 256; ++c) {
    if (member(static_cast<unsigned char>(c)) != opposite) set[c] = true;
  }
  return true;
}

}  // namespace

/// Turns the text into nodes, back to front: each part is built with the node that follows it already known. A repeated part
/// is therefore read again for each of its copies.
class PatternReader {
 public:
  PatternReader(std::string_view text, const std::string& origin, NamePattern& pattern) : text_(text), origin_(origin), pattern_(pattern) {}

  void read() {
    if (text_.size() > kMostLetters) refuse(fmt::format("longer than {} letters", kMostLetters));
    const int accept = add({.kind = NamePattern::Kind::accept});
    const size_t end = alternatives_end(0, 0);
    if (end != text_.size()) refuse(fmt::format("\")\" without \"(\" at letter {}", end + 1));
    pattern_.start_ = alternatives(0, end, accept);
    // PEFT lets anything that ends with a dot stand before it.
    const int dot = add({.kind = NamePattern::Kind::letter, .letter = '.', .next = pattern_.start_});
    const int loop = add({.kind = NamePattern::Kind::split});
    const int any = add({.kind = NamePattern::Kind::any, .next = loop});
    pattern_.nodes_[static_cast<size_t>(loop)].next = any;
    pattern_.nodes_[static_cast<size_t>(loop)].other = dot;
    pattern_.start_ = add({.kind = NamePattern::Kind::split, .next = loop, .other = pattern_.start_});
  }

 private:
  struct Repeat {
    int least = 1, most = 1;
    size_t end = 0;  ///< Behind the quantifier.
  };

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorKind::input_file, fmt::format("{}: pattern \"{}\": {}", origin_, text_.substr(0, 100), why));
  }

  int add(NamePattern::Node node) {
    if (pattern_.nodes_.size() >= kMostNodes) refuse("too large when its repeats are written out");
    pattern_.nodes_.push_back(node);
    return static_cast<int>(pattern_.nodes_.size()) - 1;
  }

  /// The end of one atom that begins at `at`: a letter, an escape, a set or a group.
  size_t atom_end(size_t at, int depth) const {
    if (text_[at] == '\\') {
      if (at + 1 == text_.size()) refuse("ends with \"\\\"");
      return at + 2;
    }
    if (text_[at] == '[') {
      size_t end = at + 1;
      if (end < text_.size() && text_[end] == '^') ++end;
      if (end < text_.size() && text_[end] == ']') ++end;  // A bracket in first place is a letter.
      while (end < text_.size() && text_[end] != ']') end += text_[end] == '\\' ? 2 : 1;
      if (end >= text_.size()) refuse("\"[\" without \"]\"");
      return end + 1;
    }
    if (text_[at] == '(') {
      const size_t end = alternatives_end(group_begin(at), depth + 1);
      if (end == text_.size()) refuse("\"(\" without \")\"");
      return end + 1;
    }
    if (text_[at] == '*' || text_[at] == '+' || text_[at] == '?') refuse(fmt::format("nothing to repeat at letter {}", at + 1));
    return at + 1;
  }

  size_t group_begin(size_t at) const {
    if (at + 1 >= text_.size() || text_[at + 1] != '?') return at + 1;
    if (text_.substr(at).starts_with("(?:")) return at + 3;
    refuse("look-around and named groups are not read");
  }

  /// Where the alternatives that begin at `at` end: at their closing bracket, or at the end of the text.
  size_t alternatives_end(size_t at, int depth) const {
    if (depth > kMostDepth) refuse(fmt::format("brackets deeper than {}", kMostDepth));
    while (at < text_.size() && text_[at] != ')') at = text_[at] == '|' ? at + 1 : quantifier(atom_end(at, depth)).end;
    return at;
  }

  Repeat quantifier(size_t at) const {
    Repeat repeat{.end = at};
    if (at == text_.size()) return repeat;
    switch (text_[at]) {
      case '*': repeat = {0, kNoEnd, at + 1}; break;
      case '+': repeat = {1, kNoEnd, at + 1}; break;
      case '?': repeat = {0, 1, at + 1}; break;
      case '{': repeat = counted(at); break;
      default: return repeat;
    }
    if (repeat.end < text_.size() && text_[repeat.end] == '?' && repeat.end != at) ++repeat.end;  // Lazy: the same names match.
    return repeat;
  }

  /// {m}, {m,}, {,n} or {m,n}; anything else is the letter "{", as in Python.
  Repeat counted(size_t at) const {
    const size_t close = text_.find('}', at);
    if (close == std::string_view::npos) return {1, 1, at};
    const std::string_view inside = text_.substr(at + 1, close - at - 1);
    const size_t comma = inside.find(',');
    const auto number = [&](std::string_view digits, int missing) {
      if (digits.empty()) return missing;
      int value = 0;
      for (const char c : digits) {
        if (!is_digit(static_cast<unsigned char>(c))) return -2;
        value = value * 10 + (c - '0');
        if (value > kMostRepeats) refuse(fmt::format("more than {} repeats", kMostRepeats));
      }
      return value;
    };
    const int least = number(inside.substr(0, comma), comma == std::string_view::npos ? -2 : 0);
    const int most = comma == std::string_view::npos ? least : number(inside.substr(comma + 1), kNoEnd);
    if (least == -2 || most == -2) return {1, 1, at};
    if (most != kNoEnd && most < least) refuse("repeats from more to fewer");
    return {least, most, close + 1};
  }

  int alternatives(size_t begin, size_t end, int next) {
    size_t part = begin;
    std::vector<int> starts;
    for (size_t at = begin; at <= end;) {
      if (at == end || text_[at] == '|') {
        starts.push_back(sequence(part, at, next));
        part = ++at;
      } else {
        at = quantifier(atom_end(at, 0)).end;
      }
    }
    int start = starts.back();
    for (size_t i = starts.size() - 1; i-- > 0;) start = add({.kind = NamePattern::Kind::split, .next = starts[i], .other = start});
    return start;
  }

  int sequence(size_t begin, size_t end, int next) {
    struct Part {
      size_t begin, end;
      Repeat repeat;
    };
    std::vector<Part> parts;
    for (size_t at = begin; at < end;) {
      const size_t atom = atom_end(at, 0);
      parts.push_back({at, atom, quantifier(atom)});
      at = parts.back().repeat.end;
    }
    for (size_t i = parts.size(); i-- > 0;) next = repeated(parts[i].begin, parts[i].end, parts[i].repeat, next);
    return next;
  }

  int repeated(size_t begin, size_t end, const Repeat& repeat, int next) {
    const int behind = next;
    if (repeat.most == kNoEnd) {
      const int loop = add({.kind = NamePattern::Kind::split, .other = behind});
      const int body = atom(begin, end, loop);
      pattern_.nodes_[static_cast<size_t>(loop)].next = body;
      next = loop;
    } else {
      for (int i = repeat.least; i < repeat.most; ++i)
        next = add({.kind = NamePattern::Kind::split, .next = atom(begin, end, next), .other = behind});
    }
    for (int i = 0; i < repeat.least; ++i) next = atom(begin, end, next);
    return next;
  }

  int atom(size_t begin, size_t end, int next) {
    // Counted apart from the nodes: an empty group makes none, however often it is repeated.
    if (++atoms_ > kMostNodes) refuse("too large when its repeats are written out");
    const char first = text_[begin];
    if (first == '(') return alternatives(group_begin(begin), end - 1, next);
    if (first == '[') return set(begin, end, next);
    if (first == '\\') return escape(text_[begin + 1], next);
    if (first == '.') return add({.kind = NamePattern::Kind::any, .next = next});
    if (first == '^') return add({.kind = NamePattern::Kind::at_start, .next = next});
    if (first == '$') return add({.kind = NamePattern::Kind::at_end, .next = next});
    return add({.kind = NamePattern::Kind::letter, .letter = static_cast<unsigned char>(first), .next = next});
  }

  int escape(char letter, int next) {
    NamePattern::Set members(256, false);
    if (fill_class(letter, members)) return add_set(members, next);
    if (is_word(static_cast<unsigned char>(letter)) && letter != '_') refuse(fmt::format("\"\\{}\" is not read", letter));
    return add({.kind = NamePattern::Kind::letter, .letter = static_cast<unsigned char>(letter), .next = next});
  }

  int set(size_t begin, size_t end, int next) {
    NamePattern::Set members(256, false);
    size_t at = begin + 1;
    const bool opposite = text_[at] == '^';
    if (opposite) ++at;
    const auto take = [&]() -> int {  // A letter, or -1 for a class that is now in the set.
      if (text_[at] != '\\') return static_cast<unsigned char>(text_[at++]);
      const char letter = text_[at + 1];
      at += 2;
      if (fill_class(letter, members)) return -1;
      if (is_word(static_cast<unsigned char>(letter)) && letter != '_') refuse(fmt::format("\"\\{}\" is not read", letter));
      return static_cast<unsigned char>(letter);
    };
    while (at < end - 1) {
      const int low = take();
      if (low < 0) continue;
      int high = low;
      if (at + 1 < end - 1 && text_[at] == '-') {
        ++at;
        high = take();
        if (high < low) refuse("a range of letters runs backwards");
      }
      for (int c = low; c <= high; ++c) members[static_cast<size_t>(c)] = true;
    }
    if (opposite) members.flip();
    return add_set(members, next);
  }

  int add_set(const NamePattern::Set& members, int next) {
    pattern_.sets_.push_back(members);
    return add({.kind = NamePattern::Kind::set, .set = static_cast<int>(pattern_.sets_.size()) - 1, .next = next});
  }

  std::string_view text_;
  const std::string& origin_;
  NamePattern& pattern_;
  size_t atoms_ = 0;
};

NamePattern::NamePattern(std::string_view pattern, const std::string& origin) { PatternReader(pattern, origin, *this).read(); }

void NamePattern::add_state(int node, bool at_start, bool at_end, std::vector<int>& states, std::vector<bool>& seen) const {
  std::vector<int> open{node};  // No recursion: a pattern may be long.
  while (!open.empty()) {
    const int index = open.back();
    open.pop_back();
    if (seen[static_cast<size_t>(index)]) continue;
    seen[static_cast<size_t>(index)] = true;
    const Node& state = nodes_[static_cast<size_t>(index)];
    if (state.kind == Kind::split) {
      open.push_back(state.other);
      open.push_back(state.next);
    } else if (state.kind == Kind::at_start || state.kind == Kind::at_end) {
      if (state.kind == Kind::at_start ? at_start : at_end) open.push_back(state.next);
    } else {
      states.push_back(index);
    }
  }
}

bool NamePattern::matches(std::string_view name) const {
  std::vector<int> states, after;
  std::vector<bool> seen(nodes_.size(), false);
  add_state(start_, true, name.empty(), states, seen);
  for (size_t i = 0; i < name.size() && !states.empty(); ++i) {
    const auto letter = static_cast<unsigned char>(name[i]);
    after.clear();
    seen.assign(nodes_.size(), false);
    for (const int index : states) {
      const Node& state = nodes_[static_cast<size_t>(index)];
      const bool moves = state.kind == Kind::any || (state.kind == Kind::letter && state.letter == letter) ||
                         (state.kind == Kind::set && sets_[static_cast<size_t>(state.set)][letter]);
      if (moves) add_state(state.next, false, i + 1 == name.size(), after, seen);
    }
    states.swap(after);
  }
  for (const int index : states) {
    if (nodes_[static_cast<size_t>(index)].kind == Kind::accept) return true;
  }
  return false;
}

}  // namespace dreamrunner
