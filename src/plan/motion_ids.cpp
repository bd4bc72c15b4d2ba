#include "plan/motion_ids.h"

#include <algorithm>

#include <fmt/format.h>

#include "plan/english_words.h"
#include "story/plan_rules.h"
#include "story/priors.h"

namespace dreamrunner {
namespace {

constexpr size_t kLongestId = 64;

bool is_particle(std::string_view low) {
  for (const std::string_view particle : {"up", "down", "off", "out", "over", "back", "away", "apart"}) {
    if (low == particle) return true;
  }
  return false;
}

/// A motion's words without those that do not change what it is: determiners, adverbs, and everything from the
/// preposition that says where it leads.
std::vector<std::string> core_of(std::string_view phrase) {
  std::vector<std::string> core;
  for (const Word& word : words_of(phrase)) {
    const bool particle = core.size() == 1 && is_particle(word.low);
    if (!core.empty() && !particle && is_preposition(word.low)) break;
    if (!particle && (is_determiner(word.low) || (is_adverb(word.low) && !core.empty()))) continue;
    core.push_back(word.low);
  }
  return core;
}

/// `core` with its verb as a key that all its forms share.
std::vector<std::string> key_of_core(std::vector<std::string> core) {
  if (!core.empty()) core.front() = verb_stem(core.front());
  return core;
}

std::vector<std::string> key_of_id(const std::string& id) {
  std::string words = id;
  std::replace_if(words.begin(), words.end(), [](char c) { return c == '-' || c == '_'; }, ' ');
  std::vector<std::string> key;
  for (const Word& word : words_of(words)) key.push_back(word.low);
  return key_of_core(std::move(key));
}

/// The verb and its particle.
std::vector<std::string> verb_of(std::vector<std::string> key) {
  if (key.size() > 1) key.resize(is_particle(key[1]) ? 2 : 1);
  return key;
}

bool lists(const Motion& motion, const std::string& normal) {
  return std::any_of(motion.phrases.begin(), motion.phrases.end(), [&](const std::string& phrase) { return normal_phrase(phrase) == normal; });
}

const Motion* with_key(const std::vector<Motion>& motions, const std::vector<std::string>& key) {
  if (key.empty()) return nullptr;
  for (const Motion& motion : motions) {
    if (key_of_id(motion.id) == key) return &motion;
  }
  return nullptr;
}

/// `wish`, or the first of `wish`-2, `wish`-3, ... that is free.
std::string free_id(const std::vector<Motion>& motions, const std::string& wish) {
  const auto taken = [&](const std::string& id) {
    return std::any_of(motions.begin(), motions.end(), [&](const Motion& motion) { return motion.id == id; });
  };
  std::string id = wish;
  for (int n = 2; taken(id); ++n) {
    const std::string ending = fmt::format("-{}", n);
    id = wish.substr(0, kLongestId - ending.size()) + ending;
  }
  return id;
}

void add_phrase(Plan& plan, const std::string& phrase) {
  if (is_nothing(normal_phrase(phrase)) || is_blank(phrase)) return;
  const std::string normal = normal_phrase(phrase);
  const Motion* found = find_motion(plan.motions, phrase);
  const bool full = found && found->phrases.size() >= kMaxPhrases;
  if (found && !full) {
    Motion& motion = plan.motions[static_cast<size_t>(found - plan.motions.data())];
    if (!lists(motion, normal)) motion.phrases.push_back(normal);
  } else if (!full && plan.motions.size() < kMaxPlanMotions) {
    plan.motions.push_back({free_id(plan.motions, motion_id_of(phrase)), {normal}});
  }
}

}  // namespace

std::string motion_id_of(std::string_view phrase) {
  std::vector<std::string> core = core_of(phrase);
  const auto english = [](const std::string& word) {
    return std::all_of(word.begin(), word.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  };
  if (!core.empty() && english(core.front())) core.front() = present_progressive(core.front());
  std::string id;
  for (const std::string& word : core) {
    std::string plain;
    for (const char c : word) {
      if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) plain += c;
      else if (c == '-' && !plain.empty() && plain.back() != '-') plain += c;
    }
    while (plain.ends_with('-')) plain.pop_back();
    if (plain.empty()) continue;
    if (!id.empty() && id.size() + 1 + plain.size() > kLongestId) break;
    id += (id.empty() ? "" : "-") + plain;
  }
  if (id.size() > kLongestId) id.resize(kLongestId);
  while (id.ends_with('-')) id.pop_back();
  return id_fault(id) ? "motion" : id;
}

const Motion* find_motion(const std::vector<Motion>& motions, std::string_view phrase) {
  const std::string normal = normal_phrase(phrase);
  for (const Motion& motion : motions) {
    if (lists(motion, normal)) return &motion;
  }
  const std::vector<std::string> key = key_of_core(core_of(phrase));
  if (const Motion* same = with_key(motions, key)) return same;
  return with_key(motions, verb_of(key));
}

void complete_motions(Plan& plan) {
  for (const Scene& scene : plan.scenes) {
    for (const std::string& phrase : scene.motions) add_phrase(plan, phrase);
    for (const KeyFrame& frame : scene.key_frames) {
      for (const PlannedRegion& region : frame.regions) {
        if (region.motion_id.empty()) add_phrase(plan, region.motion);
      }
    }
  }
}

}  // namespace dreamrunner
