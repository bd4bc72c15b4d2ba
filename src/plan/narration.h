#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "plan/planner.h"

namespace dreamrunner {

/// Somebody in a scene.
struct CastMember {
  Character character;  ///< Of the task; or with `id` and `name` the words of the narration and no token.
  bool given = false;   ///< One of the task's characters.
};

/// Which way somebody goes.
enum class Heading { open, left, right, towards, away };

/// One member doing one of the scene's motions.
struct Act {
  size_t who = 0;     ///< Index into the cast.
  size_t motion = 0;  ///< Index into the scene's motions.
  int phase = 0;      ///< Acts of one phase happen at the same time; the next phase begins with "then" or the member's next act.
  Heading heading = Heading::open;
  size_t other = 0;   ///< For `towards` and `away`: of whom, by index into the cast.
  bool operator==(const Act&) const = default;
};

enum class RelationKind { left_of, right_of, beside, behind, in_front_of, following, on_the_left, on_the_right };

/// Where one member is, seen from another (or from the frame, for the last two kinds).
struct Relation {
  RelationKind kind;
  size_t who = 0;
  size_t other = 0;
  bool operator==(const Relation&) const = default;
};

/// What a narration says that decides a layout.
struct Narration {
  std::vector<CastMember> cast;     ///< In order of mention.
  std::vector<Act> acts;            ///< Of one member in order of time.
  std::vector<Relation> relations;  ///< In order of mention.
};

class StoryCast;

/// Reads the narration of scene `index` of the story that `cast` was found in.
///
/// The cast are the task's characters that the narration names: by their token, name, id, or the last word of the name
/// where no other character shares it. A scene that names none but says "she", "they" and the like, or has motions, has
/// those of the scene before. In a task without characters they are the subjects of the narration's sentences: nouns with
/// an article or names, in front of a verb.
/// A motion belongs to the subject of its verb: the nearest one before it that stands behind no preposition, with those
/// joined to it by "and"; pronouns stand for those named last. A motion that the narration does not name goes to the
/// first member without one. "with her cat" lets the cat do the same.
/// Never throws; nobody is found in a text that names nobody.
Narration read_narration(const StoryCast& cast, size_t index);

}  // namespace dreamrunner
