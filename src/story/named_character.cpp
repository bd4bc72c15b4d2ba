#include "story/named_character.h"

#include <algorithm>

namespace dreamrunner {

Character named_character(Character character) {
  if (!character.name.empty()) return character;
  character.name = character.id;
  std::replace_if(character.name.begin(), character.name.end(), [](char c) { return c == '-' || c == '_'; }, ' ');
  return character;
}

}  // namespace dreamrunner
