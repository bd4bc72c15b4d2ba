#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dreamrunner {

/// A rectangle in the frame, as fractions of its width and height: [left, top, right, bottom], y down.
/// A plan may hold values outside 0..1; they are clipped where tokens are chosen.
struct Box {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
  bool operator==(const Box&) const = default;
};

/// One thing in one key frame: who, doing what, described how, where.
struct PlannedRegion {
  std::string character;  ///< Id of a character or a plain name; "" or "none" where it is no character.
  std::string motion;     ///< Present progressive, such as "walking"; "" or "none" where nothing moves.
  std::string caption;    ///< The text that the region's tokens attend to.
  Box box;                ///< In the frame.
  std::string motion_id;  ///< Which motion of the plan `motion` is, where its words do not say it; usually empty.
  bool operator==(const PlannedRegion&) const = default;
};

/// What is where during one stretch of a scene. A scene of K key frames divides its latent frames evenly among them.
struct KeyFrame {
  std::vector<PlannedRegion> regions;
  bool operator==(const KeyFrame&) const = default;
};

/// One shot of the film.
struct Scene {
  std::string place;                ///< The story plan's name of the place; may be empty.
  std::vector<std::string> motions; ///< The story plan's motions; may be empty.
  std::string narration;            ///< May be empty.
  std::string background;           ///< The text of everything that no region covers.
  std::vector<KeyFrame> key_frames;
  std::optional<int64_t> seed;      ///< Overrides the film's seed for this scene.
  bool operator==(const Scene&) const = default;
};

/// One region of a scene, by its place in it.
struct RegionPlace {
  int key_frame = 0;  ///< From 0.
  int region = 0;     ///< Within the key frame, from 0.
  bool operator==(const RegionPlace&) const = default;
};

/// Somebody who appears in several scenes.
struct Character {
  std::string id;     ///< Used by regions and for file names.
  std::string token;  ///< What captions say to call up its prior, such as "[v1]"; may be empty.
  std::string name;   ///< In words, such as "girl witch".
  bool operator==(const Character&) const = default;
};

/// A motion of the film under the name that clips are gathered and a prior is learnt for, whatever words a scene uses.
struct Motion {
  std::string id;                    ///< For file names, such as "walking" or "picking-up".
  std::vector<std::string> phrases;  ///< What regions call it, such as "walking to the left".
  bool operator==(const Motion&) const = default;
};

/// A whole film, ready to generate.
struct Plan {
  std::string title;
  std::vector<Character> characters;
  std::vector<Motion> motions;  ///< May be empty; see `complete_motions` and `wanted_priors`.
  std::vector<Scene> scenes;
  bool operator==(const Plan&) const = default;
};

}  // namespace dreamrunner
