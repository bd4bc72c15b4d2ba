#include "plan/plan_text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/json.h"
#include "plan/plan_scanner.h"
#include "story/plan_rules.h"
#include "text/plain_text.h"

namespace dreamrunner {
namespace {

/// The bracket that ends what `opener` begins; 0 if it is no bracket.
char closer_of(char opener) { return opener == '[' ? ']' : opener == '{' ? '}' : opener == '(' ? ')' : '\0'; }

class PlanTextReader {
 public:
  explicit PlanTextReader(std::string_view text) : text_(text), scanner_(text) {}

  PlanTextResult read() {
    try {
      const bool cut = strip_outer_quotes();
      read_background(find_background());
      read_frames();
      if (result_.scene.key_frames.empty()) throw PlanTextStop{scanner_.position(), "found no Frame_1: line behind the background"};
      if (cut) result_.faults.push_back({text_.size(), "the text begins with a quotation mark and ends without one: it was cut off"});
      if (const auto wrong = scene_fault(result_.scene)) result_.faults.push_back({0, *wrong});
    } catch (const PlanTextStop& stop) {
      result_.faults.push_back({stop.offset, stop.what});
    }
    return std::move(result_);
  }

 private:
  /// The released plans have a pair of quotation marks around the whole text. True if only the first is there.
  bool strip_outer_quotes() {
    const size_t first = scanner_.after_blanks(0);
    if (scanner_.byte_at(first) != '"') return false;
    scanner_.move_to(first + 1);
    const auto label = scanner_.label();
    const bool payload = label && label->colon && label->begin == first + 1 &&
                         scanner_.slice(label->begin, label->end).find('"') == std::string_view::npos;
    scanner_.move_to(0);
    if (!payload) return false;
    const size_t last = text_.find_last_not_of(" \t\r\n");
    if (last == first || text_[last] != '"') return true;
    scanner_.set_end(last);
    return false;
  }

  /// The one `Background:` line that a Frame line follows. Whatever stands before it is reasoning.
  PlanLabel find_background() {
    constexpr std::string_view kThinking = "<think>";
    constexpr std::string_view kThought = "</think>";
    const size_t thinking = text_.rfind(kThinking);
    const size_t thought = text_.rfind(kThought);
    if (thinking != std::string_view::npos && (thought == std::string_view::npos || thought < thinking)) {
      throw PlanTextStop{text_.size(), "the text ends inside its reasoning"};
    }
    scanner_.move_to(scanner_.after_blanks(thought == std::string_view::npos ? 0 : thought + kThought.size()));
    std::optional<PlanLabel> background;  // The last Background line so far.
    std::optional<PlanLabel> plan;        // The one that frames follow.
    bool framed = false;
    do {
      const auto label = scanner_.label();
      if (!label || !label->colon) continue;
      if (label->frame == 0) {
        background = label;
        framed = false;
      } else if (background && !framed) {
        framed = true;
        if (plan) {
          throw PlanTextStop{background->begin, fmt::format("a second plan begins here, the first is at {}; leave one",
                                                            line_and_column(text_, plan->begin))};
        }
        plan = background;
      }
    } while (scanner_.next_line());
    if (plan) return *plan;
    if (background) throw PlanTextStop{background->begin, "no Frame_1: line follows this Background: line"};
    throw PlanTextStop{0, "found no Background: line, expected one before Frame_1:"};
  }

  void read_background(const PlanLabel& label) {
    scanner_.move_to(label.end);
    const size_t begin = label.end;
    // A line ends at a newline or at the two characters \n; next_line stops behind either.
    scanner_.next_line();
    std::string_view line = scanner_.slice(begin, scanner_.position());
    if (line.ends_with('\n')) line.remove_suffix(1);
    else if (line.ends_with("\\n") || line.ends_with("\\r")) line.remove_suffix(2);
    line = trimmed(line, " \t\r*`");
    constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kQuotes{{{"\"", "\""}, {"'", "'"}, {"\u201c", "\u201d"}}};
    for (const auto& [open, close] : kQuotes) {
      if (line.size() < open.size() + close.size() || !line.starts_with(open) || !line.ends_with(close)) continue;
      const std::string_view inner = line.substr(open.size(), line.size() - open.size() - close.size());
      if (inner.find(open) == std::string_view::npos && inner.find(close) == std::string_view::npos) line = inner;
    }
    result_.scene.background = std::string(line);
    if (is_blank(line)) fault(begin, "Background: is empty, expected what is behind the regions");
    else if (const auto wrong = text_fault(line)) fault(begin, "Background: " + *wrong);
  }

  void read_frames() {
    skip_rules();
    int expected = 1;
    while (!scanner_.at_end()) {
      const auto label = scanner_.label();
      if (!label || !label->colon || label->frame == 0) {
        if (expected == 1) throw PlanTextStop{scanner_.position(), "found text between the Background: line and Frame_1:, expected the background in one line"};
        read_remarks(expected);
        return;
      }
      if (label->frame != expected) {
        const std::string found = shown(trimmed(scanner_.slice(label->begin, label->end), ":*_ "));
        throw PlanTextStop{label->begin, fmt::format("found {}, expected Frame_{}", found, expected)};
      }
      if (result_.scene.key_frames.size() == kMaxKeyFrames) {
        throw PlanTextStop{label->begin, fmt::format("more frames than {}", kMaxKeyFrames)};
      }
      name_ = fmt::format("Frame_{}", expected);
      scanner_.set_inside(name_);
      scanner_.move_to(label->end);
      read_frame();
      ++expected;
    }
  }

  /// Blanks and lines of decoration only, such as `---`.
  void skip_rules() {
    while (true) {
      scanner_.skip_blanks();
      size_t at = scanner_.position();
      while (at < scanner_.end() && std::string_view("-*_=> ").find(text_[at]) != std::string_view::npos) ++at;
      if (at == scanner_.position() || (at < scanner_.end() && text_[at] != '\n' && text_[at] != '\r')) return;
      scanner_.move_to(at);
    }
  }

  /// What a reply says behind its plan, as long as nothing in it could have been meant as a part of the plan.
  void read_remarks(int expected) {
    const size_t begin = scanner_.position();
    const std::string_view rest = scanner_.slice(begin, scanner_.end());
    if (is_part_of_label(trimmed(rest, "*#>-`_ \t\r\n"))) {
      throw PlanTextStop{scanner_.end(), fmt::format("the text ends inside the label of Frame_{}", expected)};
    }
    do {
      if (const auto label = scanner_.label(); label && label->colon) {
        throw PlanTextStop{begin, fmt::format("found text that is no frame, and another line of the plan behind it; expected Frame_{}:", expected)};
      }
    } while (scanner_.next_line());
    for (const std::string_view list : {"[[", "[{", "[(", "{["}) {
      if (const size_t at = rest.find(list); at != std::string_view::npos) {
        throw PlanTextStop{begin + at, fmt::format("found regions outside a frame, expected Frame_{}:", expected)};
      }
    }
  }

  static bool is_part_of_label(std::string_view text) {
    const size_t digits = text.find_last_not_of("0123456789");
    std::string word(text.substr(0, digits == std::string_view::npos ? 0 : digits + 1));
    while (!word.empty() && (word.back() == '_' || word.back() == ' ' || word.back() == '-' || word.back() == '\\')) word.pop_back();
    word = small_letters(word);
    const bool numbered = word.size() != text.size();
    return !word.empty() && (numbered ? word == "frame" : std::string_view("frame").starts_with(word));
  }

  /// Regions up to the end of the line that their list ends on.
  void read_frame() {
    result_.scene.key_frames.emplace_back();
    const bool new_line = scanner_.skip_blanks();
    if (scanner_.at_end()) {
      // "Frame_6:" and nothing else: an empty frame if the line was ended, else the last word of a reply that was cut.
      if (!new_line) scanner_.stop_at_end();
      return;
    }
    if (const auto label = scanner_.label(); label && label->colon) return;
    const char opener = scanner_.peek();
    if (closer_of(opener) == '\0') {
      const std::string_view rest = scanner_.slice(scanner_.position(), scanner_.end());
      if (new_line || !(rest.starts_with("none") || rest.starts_with("None"))) {
        throw PlanTextStop{scanner_.position(), name_ + ": expected [[entity, motion, caption], [left, top, right, bottom]], or [] for a frame without regions"};
      }
      scanner_.move_to(scanner_.position() + 4);
    } else {
      read_regions(opener);
    }
    finish_line();
  }

  void read_regions(char opener) {
    const size_t second = scanner_.after_gap(scanner_.position() + 1);
    const size_t third = scanner_.after_gap(second + 1);
    if (scanner_.byte_at(second) == closer_of(opener)) {
      scanner_.move_to(second + 1);
      return;
    }
    // A list around all regions of the frame shows by its three opening brackets; a token such as [v1] is none.
    const bool wrapped = closer_of(scanner_.byte_at(second)) && closer_of(scanner_.byte_at(third)) && !scanner_.token_at(third);
    if (wrapped) scanner_.take(opener);
    size_t end = scanner_.position();
    while (true) {
      scanner_.skip_blanks();
      if (!closer_of(scanner_.peek())) break;
      read_region();
      end = scanner_.position();
      if (scanner_.take(',') || scanner_.take(';')) {
        end = scanner_.position();
        scanner_.skip_blanks();
        if (scanner_.at_end()) scanner_.stop_at_end();
      }
    }
    if (wrapped) {
      expect(closer_of(opener), "the end of the list of regions");
      end = scanner_.position();
    }
    scanner_.move_to(end);
  }

  void read_region() {
    const size_t begin = scanner_.position();
    KeyFrame& frame = result_.scene.key_frames.back();
    if (frame.regions.size() == kMaxRegions) throw PlanTextStop{begin, fmt::format("{}: more regions than {}", name_, kMaxRegions)};
    PlannedRegion region;
    const char outer = open("[[entity, motion, caption], [left, top, right, bottom]]");
    const char names = open("[entity, motion, caption]");
    region.character = scanner_.name(names);
    expect(',', "a comma and the motion");
    region.motion = scanner_.name(names);
    expect(',', "a comma and the caption");
    region.caption = scanner_.name(names);
    scanner_.take(',');
    expect(names, "the end of [entity, motion, caption] (a caption that holds a comma needs quotation marks)");
    expect(',', "a comma and the box [left, top, right, bottom]");
    scanner_.skip_blanks();
    const size_t at = scanner_.position();
    const char box = open("a box [left, top, right, bottom]");
    std::array<double, 4> edges{};
    for (size_t i = 0; i < edges.size(); ++i) {
      edges[i] = scanner_.number(box);
      if (i < 3) expect(',', "a comma and the next of the four numbers of a box");
    }
    scanner_.take(',');
    expect(box, "the end of a box of four numbers");
    scanner_.take(',');
    expect(outer, "the end of a region");
    region.box = {edges[0], edges[1], edges[2], edges[3]};

    const std::string who = fmt::format("{}, region {} \"{}\"", name_, frame.regions.size() + 1, region.character);
    for (const std::string* text : {&region.character, &region.motion, &region.caption}) {
      if (const auto wrong = text_fault(*text)) fault(begin, fmt::format("{}, region {}: {}", name_, frame.regions.size() + 1, *wrong));
    }
    if (const auto wrong = box_fault(region.box)) fault(at, fmt::format("{}: box: {}", who, *wrong));
    frame.regions.push_back(std::move(region));
  }

  /// Nothing but punctuation, decoration and remarks may follow a list in its line.
  void finish_line() {
    size_t at = scanner_.position();
    size_t dots = 0;
    while (at < scanner_.end() && std::string_view(".,;*` \t").find(text_[at]) != std::string_view::npos) dots += text_[at++] == '.';
    if (dots > 1) throw PlanTextStop{scanner_.position(), name_ + ": an ellipsis, expected a whole plan"};
    scanner_.move_to(at);
    const bool new_line = scanner_.skip_blanks();
    skip_rules();
    if (scanner_.at_end() || new_line) return;
    const auto label = scanner_.label();
    if (!label || !label->colon) throw PlanTextStop{scanner_.position(), name_ + ": found text behind the regions, expected the end of the line"};
  }

  /// Takes an opening bracket; returns what closes it.
  char open(const char* what) {
    scanner_.skip_blanks();
    if (scanner_.at_end()) scanner_.stop_at_end();
    const char closer = closer_of(scanner_.peek());
    if (!closer) throw PlanTextStop{scanner_.position(), fmt::format("{}: found '{}', expected {}", name_, here(), what)};
    scanner_.move_to(scanner_.position() + 1);
    return closer;
  }

  void expect(char character, const char* what) {
    if (scanner_.take(character)) return;
    if (scanner_.at_end()) scanner_.stop_at_end();
    throw PlanTextStop{scanner_.position(), fmt::format("{}: found '{}', expected {}", name_, here(), what)};
  }

  std::string here() const { return shown(scanner_.slice(scanner_.position(), std::min(scanner_.position() + 12, scanner_.end()))); }

  void fault(size_t offset, std::string what) { result_.faults.push_back({offset, std::move(what)}); }

  std::string_view text_;
  PlanScanner scanner_;
  PlanTextResult result_;
  std::string name_;  ///< Of the frame that is read.
};

}  // namespace

PlanTextResult read_plan_text(std::string_view text) {
  constexpr uint64_t kMaxBytes = JsonLimits{}.max_bytes;
  if (text.size() > kMaxBytes) return {{}, {{0, fmt::format("{} bytes, expected at most {}", text.size(), kMaxBytes)}}};
  return PlanTextReader(text).read();
}

Scene parse_plan_text(std::string_view text, const std::string& origin) {
  PlanTextResult result = read_plan_text(text);
  if (result.faults.empty()) return std::move(result.scene);
  Faults faults;
  for (const PlanTextFault& fault : result.faults) faults.add(line_and_column(text, fault.offset), fault.what);
  throw faults.error(origin);
}

std::string line_and_column(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const std::string_view row = newline == std::string_view::npos ? before : before.substr(newline + 1);
  const auto characters = std::count_if(row.begin(), row.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  return fmt::format("{}:{}", line, characters + 1);
}

}  // namespace dreamrunner
