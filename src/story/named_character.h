#pragma once

#include "story/plan_types.h"

namespace dreamrunner {

/// `character` as it is called in words: one without a name is called by its id, with blanks for - and _.
Character named_character(Character character);

}  // namespace dreamrunner
