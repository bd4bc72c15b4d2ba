#pragma once

namespace dreamrunner {

/// What became of a candidate: kept, or the step that dropped it. In the order of the steps.
enum class ClipFate {
  removed,     ///< A person took it out of an earlier clips.json.
  missing,     ///< Its video is not there.
  unreadable,  ///< Its video cannot be decoded.
  attributes,  ///< Too short, too few frames or too narrow.
  nobody,      ///< Nobody was found in it.
  cut,         ///< Too short or too narrow once it was cut to the person.
  score,       ///< Its score is too low.
  surplus,     ///< Good, but others are better; or, without scores, enough come before it.
  kept,
};

/// The enumerator's name, as in report.json.
const char* clip_fate_name(ClipFate fate);

}  // namespace dreamrunner
