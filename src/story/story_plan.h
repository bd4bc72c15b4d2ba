#pragma once

#include <string>
#include <vector>

namespace dreamrunner {

/// A scene before anything has a place in the picture: the story-level plan of the paper (section 3.1).
struct StoryScene {
  std::string place;                 ///< Such as "the forest".
  std::vector<std::string> motions;  ///< Present progressive, in the order they happen.
  std::string narration;             ///< One or two sentences that name who does what.
  bool operator==(const StoryScene&) const = default;
};

/// A story as a list of scenes.
struct StoryPlan {
  std::vector<StoryScene> scenes;
  bool operator==(const StoryPlan&) const = default;
};

}  // namespace dreamrunner
