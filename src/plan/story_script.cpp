#include "plan/story_script.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "story/plan_rules.h"
#include "story/priors.h"
#include "text/plain_text.h"

namespace dreamrunner {
namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kDecoration = " \t\r*#>_`";

enum class LabelKind { scene, motions, narration, header };

struct ScriptLabel {
  LabelKind kind;
  int number = 0;             ///< Of a scene; -1 for one that no scene has.
  std::string_view behind;    ///< What stands behind the label on its line.
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes `word` (small letters) off the front of `text`, whatever the case of its letters.
bool take_word(std::string_view& text, std::string_view word) {
  if (text.size() < word.size()) return false;
  if (!std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) { return a == small_letter(b); })) return false;
  text.remove_prefix(word.size());
  return true;
}

/// Takes the colon of a label, inside or behind Markdown's stars.
bool take_colon(std::string_view& text) {
  const size_t at = text.find_first_not_of("*_ \t`");
  if (at == std::string_view::npos || text[at] != ':') return false;
  text.remove_prefix(at + 1);
  return true;
}

/// Takes what may stand between a scene's number and its place; a sentence such as "Scene 1 shows" has none of it.
bool take_separator(std::string_view& text) {
  if (take_colon(text)) return true;
  const std::string_view rest = trimmed(text, kDecoration);
  for (const std::string_view mark : {"-", ".", ")", "\u2013", "\u2014"}) {
    if (!rest.starts_with(mark)) continue;
    text = rest.substr(mark.size());
    return true;
  }
  if (!rest.empty()) return false;
  text = {};
  return true;
}

/// `line` without what Markdown puts around it.
std::string_view undecorated(std::string_view line) {
  const std::string_view text = trimmed(line, kDecoration);
  return text.starts_with("- ") ? trimmed(text.substr(2), kDecoration) : text;
}

std::optional<ScriptLabel> label_of(std::string_view line) {
  std::string_view text = undecorated(line);
  if (take_word(text, "[input]") || take_word(text, "[output]")) return ScriptLabel{LabelKind::header, 0, text};
  std::string_view rest = text;
  if (take_word(rest, "scene")) {
    const size_t first = rest.find_first_not_of(" \t-_#");
    if (first == std::string_view::npos || first == 0 || !is_digit(rest[first])) return std::nullopt;
    rest.remove_prefix(first);
    int number = 0;
    size_t digits = 0;
    for (; digits < rest.size() && is_digit(rest[digits]); ++digits) number = digits < 6 ? number * 10 + (rest[digits] - '0') : -1;
    rest.remove_prefix(digits);
    if (!take_separator(rest)) return std::nullopt;
    return ScriptLabel{LabelKind::scene, number, rest};
  }
  rest = text;
  if ((take_word(rest, "motions") || take_word(rest, "motion")) && take_colon(rest)) return ScriptLabel{LabelKind::motions, 0, rest};
  rest = text;
  if (take_word(rest, "narration") && take_colon(rest)) return ScriptLabel{LabelKind::narration, 0, rest};
  return std::nullopt;
}

/// What stands behind the label in "Place: the forest"; `text` itself where there is none.
std::string_view without_place_label(std::string_view text) {
  std::string_view rest = undecorated(text);
  return take_word(rest, "place") && take_colon(rest) ? rest : text;
}

/// A rule or a code fence: nothing but marks.
bool is_ornament(std::string_view line) {
  const std::string_view text = trimmed(line, kBlanks);
  if (text.starts_with("```")) return true;
  return text.size() >= 3 && text.find_first_not_of("-=*_~ ") == std::string_view::npos;
}

std::string single_blanks(std::string_view text) {
  std::string result;
  for (const char c : trimmed(text, kBlanks)) {
    const bool blank = kBlanks.find(c) != std::string_view::npos;
    if (!blank) result += c;
    else if (result.back() != ' ') result += ' ';
  }
  return result;
}

/// `text` without quotes, stars and a dot at its end, with single blanks.
std::string cleaned(std::string_view text) {
  text = trimmed(text, " \t\r*`\"");
  while (!text.empty() && text.back() == '.') text.remove_suffix(1);
  return single_blanks(trimmed(text, " \t\r*`\""));
}

class ScriptReader {
 public:
  explicit ScriptReader(std::string_view text) : text_(text) {}

  StoryScriptResult read() {
    size_t at = text_.size() - without_byte_order_mark(text_).size();
    if (const size_t thought = text_.rfind("</think>"); thought != std::string_view::npos) at = thought + 8;
    else if (text_.find("<think>") != std::string_view::npos) fault(text_.size(), "the text ends inside its reasoning");
    while (at < text_.size() && !full_) {
      const size_t end = std::min(text_.find('\n', at), text_.size());
      read_line(text_.substr(at, end - at), at);
      at = end + 1;
    }
    finish_scene(text_.size());
    if (result_.story.scenes.empty() && result_.faults.empty()) fault(0, "found no line such as \"Scene 1: the forest\"");
    return std::move(result_);
  }

 private:
  enum class Part { none, place, motions, narration, after };

  void fault(size_t offset, std::string what) { result_.faults.push_back({offset, std::move(what)}); }

  void read_line(std::string_view line, size_t at) {
    if (const auto label = label_of(line)) return begin(*label, at);
    const std::string_view text = trimmed(line, kBlanks);
    const bool gap = text.empty() || is_ornament(text);
    if (gap) {
      // Lists may be spread out with empty lines; a narration is one paragraph.
      if (part_ == Part::narration && !scene_.narration.empty()) part_ = Part::after;
      return;
    }
    take(text, at);
  }

  void begin(const ScriptLabel& label, size_t at) {
    switch (label.kind) {
      case LabelKind::header:
        if (number_ > 0) part_ = Part::after;
        return;
      case LabelKind::scene: {
        finish_scene(at);
        if (result_.story.scenes.size() == kMaxScenes) {
          fault(at, fmt::format("more scenes than {}", kMaxScenes));
          full_ = true;
          return;
        }
        if (label.number != number_ + 1) fault(at, fmt::format("expected Scene {} here", number_ + 1));
        ++number_;
        begin_ = at;
        part_ = Part::place;
        break;
      }
      case LabelKind::motions:
      case LabelKind::narration: {
        // Before the first scene the words may belong to talk about the form.
        if (number_ == 0) return;
        const bool is_motions = label.kind == LabelKind::motions;
        if (!seen_.insert(label.kind).second) fault(at, fmt::format("scene {} has {} twice", number_, is_motions ? "Motions:" : "Narration:"));
        part_ = is_motions ? Part::motions : Part::narration;
        break;
      }
    }
    const std::string_view behind = trimmed(label.behind, kBlanks);
    if (!trimmed(behind, kDecoration).empty()) take(behind, at);
  }

  void take(std::string_view text, size_t at) {
    switch (part_) {
      case Part::none: return;
      case Part::place:
        if (scene_.place.empty()) scene_.place = checked(cleaned(without_place_label(text)), at);
        else stray(at);
        return;
      case Part::motions: return take_motions(text, at);
      case Part::narration: {
        if (!scene_.narration.empty()) scene_.narration += ' ';
        scene_.narration += checked(sentence(text), at);
        if (scene_.narration.size() > kMaxTextBytes) {
          fault(at, fmt::format("the narration of scene {} is longer than {} bytes", number_, kMaxTextBytes));
          part_ = Part::after;
        }
        return;
      }
      case Part::after:
        // Behind the last scene this is a remark, which shows only if no scene follows.
        if (!stray_) stray_ = at;
        return;
    }
  }

  void take_motions(std::string_view text, size_t at) {
    text = trimmed(text, "[] \t\r");
    for (const std::string_view bullet : {"- ", "* ", "\u2022"}) {
      if (text.starts_with(bullet)) text.remove_prefix(bullet.size());
    }
    if (const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
        digits > 0 && digits < text.size() && (text[digits] == '.' || text[digits] == ')')) {
      text.remove_prefix(digits + 1);
    }
    while (!text.empty()) {
      const size_t end = std::min(text.find_first_of(",;"), text.size());
      std::string motion = checked(cleaned(text.substr(0, end)), at);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (motion.empty() || is_nothing(normal_phrase(motion))) continue;
      if (scene_.motions.size() == kMaxMotions) return fault(at, fmt::format("scene {} has more motions than {}", number_, kMaxMotions));
      scene_.motions.push_back(std::move(motion));
    }
  }

  /// A narration keeps its dots and inner quotes, and loses Markdown's stars and a pair of quotes around it.
  static std::string sentence(std::string_view text) {
    text = trimmed(text, "*_`> \t\r");
    if (text.size() > 1 && text.front() == '"' && text.find('"', 1) == text.size() - 1) text = text.substr(1, text.size() - 2);
    return single_blanks(text);
  }

  std::string checked(std::string value, size_t at) {
    if (const auto wrong = text_fault(value)) {
      fault(at, *wrong);
      return {};
    }
    return value;
  }

  void stray(size_t at) { fault(at, fmt::format("text that belongs to no label of scene {}", number_)); }

  void finish_scene(size_t at) {
    if (number_ > 0) {
      const bool last = at == text_.size();
      const auto lacks = [&](const char* what) {
        fault(last ? at : begin_, fmt::format("scene {} has no {}{}", number_, what, last ? "; the text may have been cut off" : ""));
      };
      if (scene_.place.empty()) fault(begin_, fmt::format("scene {} has no place", number_));
      if (!seen_.contains(LabelKind::motions)) lacks("Motions:");
      if (scene_.narration.empty()) lacks("narration");
      if (stray_ && !last) stray(*stray_);
      result_.story.scenes.push_back(std::move(scene_));
    }
    scene_ = {};
    seen_.clear();
    stray_.reset();
    part_ = Part::none;
  }

  std::string_view text_;
  StoryScriptResult result_;
  StoryScene scene_;
  int number_ = 0;
  size_t begin_ = 0;
  Part part_ = Part::none;
  std::set<LabelKind> seen_;
  std::optional<size_t> stray_;
  bool full_ = false;
};

}  // namespace

StoryScriptResult read_story_script(std::string_view text) { return ScriptReader(text).read(); }

StoryPlan parse_story_script(std::string_view text, const std::string& origin) {
  StoryScriptResult result = read_story_script(text);
  if (result.faults.empty()) return std::move(result.story);
  Faults faults;
  for (const PlanTextFault& fault : result.faults) faults.add(line_and_column(text, fault.offset), fault.what);
  throw faults.error(origin);
}

bool looks_like_story_script(std::string_view text) {
  text = without_byte_order_mark(text);
  bool scene = false;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const auto label = label_of(text.substr(at, end - at));
    scene = scene || (label && label->kind == LabelKind::scene);
    std::string_view line = trimmed(text.substr(at, end - at), kDecoration);
    if (take_word(line, "background") && take_colon(line)) return false;
    at = end + 1;
  }
  return scene;
}

}  // namespace dreamrunner
