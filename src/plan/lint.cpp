#include "plan/lint.h"

#include <algorithm>
#include <array>
#include <tuple>

#include <fmt/format.h>

#include "base/error.h"
#include "plan/english_words.h"
#include "plan/lint_rules.h"
#include "story/json_position.h"
#include "story/named_character.h"

namespace dreamrunner {
namespace {

constexpr int kLongestMessage = 500;  ///< Characters: a plan may call somebody by a name of 16,384.

constexpr std::array kRules{
    LintRule{"box-too-small", Severity::warning, "a side of a box is below 0.2 of the frame"},
    LintRule{"box-small", Severity::warning, "somebody who moves has a box of no more than 0.3 both ways"},
    LintRule{"box-over-edge", Severity::warning, "a box reaches over the edge of the frame"},
    LintRule{"box-not-in-frame", Severity::warning, "a box is empty or lies outside the frame"},
    LintRule{"box-vanishes", Severity::warning, "a box covers no token of the model's grid"},
    LintRule{"key-frame-not-shown", Severity::warning, "there are more key frames than the model has latent frames"},
    LintRule{"boxes-coincide", Severity::warning, "two things have nearly the same box"},
    LintRule{"shift-without-travel", Severity::warning, "a box moves far although its motion leads nowhere"},
    LintRule{"shift-too-large", Severity::warning, "a box moves farther in one step than a film can show"},
    LintRule{"motion-too-short", Severity::warning, "a motion lasts only one key frame"},
    LintRule{"too-many-motions", Severity::warning, "a scene has more motions than it has time for"},
    LintRule{"motion-not-in-story", Severity::warning, "a region does what neither the narration nor the scene's motions say"},
    LintRule{"motion-not-shown", Severity::warning, "no region does one of the scene's motions"},
    LintRule{"motion-not-progressive", Severity::warning, "a motion is not in the present progressive"},
    LintRule{"caption-lacks-motion", Severity::warning, "a caption does not say the motion of its region"},
    LintRule{"caption-lacks-token", Severity::error, "a caption does not hold the token of its character"},
    LintRule{"caption-lacks-name", Severity::warning, "a caption has its character's token but not its name"},
    LintRule{"unknown-character", Severity::warning, "somebody who moves is no character of the film"},
    LintRule{"background-names-character", Severity::warning, "the background's text names somebody who has a region"},
    LintRule{"shared-caption", Severity::warning, "two characters have the same caption"},
    LintRule{"character-twice", Severity::warning, "a character has two regions in one key frame"},
    LintRule{"duplicate-region", Severity::warning, "a key frame holds a region twice"},
    LintRule{"key-frame-empty", Severity::warning, "a key frame has no region"},
    LintRule{"key-frame-count", Severity::warning, "a scene has another number of key frames than the film asks for"},
    LintRule{"scene-count", Severity::warning, "the film has fewer than 5 or more than 8 scenes"},
    LintRule{"unknown-words", Severity::warning, "the film's model cannot spell a word"},
    LintRule{"caption-cut", Severity::warning, "a text is longer than the model reads"},
};

const LintRule* find_rule(std::string_view name) {
  const auto at = std::find_if(kRules.begin(), kRules.end(), [&](const LintRule& rule) { return name == rule.name; });
  return at == kRules.end() ? nullptr : &*at;
}

/// A rule that shares its first word, so that "box-small-too" finds the family.
std::string similar_rules(std::string_view name) {
  const std::string_view family = name.substr(0, name.find('-'));
  std::string similar;
  for (const LintRule& rule : kRules) {
    if (!family.empty() && std::string_view(rule.name).find(family) != std::string_view::npos)
      similar += (similar.empty() ? "" : ", ") + std::string(rule.name);
  }
  return similar;
}

void check_scene_count(lint::Run& run) {
  const auto count = static_cast<int>(run.plan.scenes.size());
  const LintOptions& options = run.options;
  if (count >= options.min_scenes && count <= options.max_scenes) return;
  run.add("scene-count", {-1, -1, -1, "scenes"}, "",
          fmt::format("{} scene{}, {} to {} expected", count, count == 1 ? "" : "s", options.min_scenes, options.max_scenes));
}

void check_key_frames(lint::Run& run, int index) {
  const Scene& scene = run.plan.scenes[static_cast<size_t>(index)];
  const auto count = static_cast<int>(scene.key_frames.size());
  if (count != run.options.key_frames) {
    run.add("key-frame-count", {index, -1, -1, "key_frames"}, "",
            fmt::format("{} key frame{}, the film asks for {}", count, count == 1 ? "" : "s", run.options.key_frames));
  }
  for (int frame = 0; frame < count; ++frame) {
    if (!scene.key_frames[static_cast<size_t>(frame)].regions.empty()) continue;
    run.add("key-frame-empty", {index, frame, -1, "regions"}, "", "no region: this key frame shows the background alone");
  }
}

}  // namespace

namespace lint {

std::string Place::pointer() const {
  std::string pointer;
  if (scene >= 0) pointer += fmt::format("/scenes/{}", scene);
  if (frame >= 0) pointer += fmt::format("/key_frames/{}", frame);
  if (region >= 0) pointer += fmt::format("/regions/{}", region);
  if (!field.empty()) pointer += '/' + field;
  return pointer;
}

Run::Run(const Plan& plan_, const LintOptions& options_) : plan(plan_), options(options_) {
  for (const Character& one : options.characters) characters.push_back(named_character(one));
  for (const Character& own : plan.characters) {
    if (!character(own.id)) characters.push_back(own);
  }
}

const Character* Run::character(std::string_view id) const {
  const auto at = std::find_if(characters.begin(), characters.end(), [&](const Character& one) { return one.id == id; });
  return at == characters.end() ? nullptr : &*at;
}

void Run::add(const char* rule, const Place& place, const std::string& key, const std::string& message, const std::string& hint) {
  if (options.silenced.contains(rule)) return;
  const auto [at, fresh] = seen_.emplace(fmt::format("{}\n{}\n{}", rule, place.scene, key), entries_.size());
  if (!fresh) {
    ++entries_[at->second].repeats;
    return;
  }
  entries_.push_back(
      {place, {rule, find_rule(rule)->severity, place.pointer(), 0, cut(message, kLongestMessage), cut(hint, kLongestMessage)}});
}

std::vector<LintFinding> Run::findings() && {
  const auto order = [](const Entry& entry) { return std::tie(entry.place.scene, entry.place.frame, entry.place.region); };
  std::stable_sort(entries_.begin(), entries_.end(), [&](const Entry& a, const Entry& b) { return order(a) < order(b); });
  std::vector<LintFinding> result;
  std::vector<std::string> pointers;
  for (Entry& entry : entries_) {
    if (entry.repeats > 0)
      entry.finding.message += fmt::format(" (and {} more time{} in this scene)", entry.repeats, entry.repeats == 1 ? "" : "s");
    pointers.push_back(entry.finding.pointer);
    result.push_back(std::move(entry.finding));
  }
  if (options.text.empty()) return result;
  const std::vector<size_t> lines = lines_of_pointers(options.text, pointers);
  for (size_t i = 0; i < result.size(); ++i) result[i].line = static_cast<int>(lines[i]);
  return result;
}

std::string cut(const std::string& text, int most) {
  int characters = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
    if (begins && characters++ == most) return text.substr(0, at) + "\u2026";
  }
  return text;
}

std::string verb_of_motion(std::string_view motion) {
  const std::vector<Word> words = words_of(motion);
  const auto verb = std::find_if(words.begin(), words.end(), [](const Word& word) { return !is_adverb(word.low); });
  return verb != words.end() ? verb->low : words.empty() ? std::string() : words.front().low;
}

}  // namespace lint

std::span<const LintRule> lint_rules() { return kRules; }

std::vector<LintFinding> lint_plan(const Plan& plan, const LintOptions& options) {
  for (const std::string& name : options.silenced) {
    if (find_rule(name)) continue;
    const std::string similar = similar_rules(name);
    throw Error(ErrorKind::usage, fmt::format("lint rule \"{}\": there is none of that name", name),
                similar.empty() ? "docs/lint.md lists them" : "did you mean one of " + similar + "?");
  }
  lint::Run run(plan, options);
  check_scene_count(run);
  for (int scene = 0; scene < static_cast<int>(plan.scenes.size()); ++scene) {
    check_key_frames(run, scene);
    lint::check_motions(run, scene);
    lint::check_characters(run, scene);
    lint::check_boxes(run, scene);
    lint::check_movement(run, scene);
    lint::check_texts(run, scene);
  }
  return std::move(run).findings();
}

bool has_errors(const std::vector<LintFinding>& findings) {
  return std::any_of(findings.begin(), findings.end(), [](const LintFinding& finding) { return finding.severity == Severity::error; });
}

}  // namespace dreamrunner
