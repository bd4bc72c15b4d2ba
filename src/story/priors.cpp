#include "story/priors.h"

#include <algorithm>

namespace dreamrunner {

std::string normal_phrase(std::string_view phrase) {
  std::string normal;
  for (const char c : phrase) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (!normal.empty() && normal.back() != ' ') normal += ' ';
    } else {
      normal += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  if (!normal.empty() && normal.back() == ' ') normal.pop_back();
  return normal;
}

bool is_nothing(std::string_view name) { return name.empty() || name == "none"; }

size_t find_token(std::string_view caption, std::string_view token) {
  const auto joins = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (static_cast<unsigned char>(c) & 0x80) != 0;
  };
  for (size_t at = caption.find(token); at != std::string_view::npos; at = caption.find(token, at + 1)) {
    const size_t end = at + token.size();
    const bool inside =
        (at > 0 && joins(caption[at - 1]) && joins(token.front())) || (end < caption.size() && joins(caption[end]) && joins(token.back()));
    if (!inside) return at;
  }
  return std::string_view::npos;
}

bool holds_token(std::string_view caption, std::string_view token) { return find_token(caption, token) != std::string_view::npos; }

WantedPriors wanted_priors(const Plan& plan, const PlannedRegion& region) {
  WantedPriors wanted;
  const bool known = std::any_of(plan.characters.begin(), plan.characters.end(),
                                 [&](const Character& character) { return character.id == region.character; });
  if (known) wanted.character = region.character;
  if (!region.motion_id.empty()) {
    wanted.motion = region.motion_id;
  } else if (!is_nothing(region.motion)) {
    const std::string phrase = normal_phrase(region.motion);
    for (const Motion& motion : plan.motions) {
      const bool listed = std::any_of(motion.phrases.begin(), motion.phrases.end(),
                                      [&](const std::string& one) { return normal_phrase(one) == phrase; });
      if (listed) wanted.motion = motion.id;
    }
  }
  return wanted;
}

}  // namespace dreamrunner
