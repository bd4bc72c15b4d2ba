#pragma once

#include <optional>
#include <string>
#include <vector>

#include "retrieve/person_tracks.h"
#include "story/plan_types.h"

namespace dreamrunner {

/// How clips are cut to the person in them.
enum class CutMode {
  trim,  ///< To the longest stretch in which somebody is there.
  crop,  ///< That, and to the part of the picture in which they move.
  off,   ///< Not at all; nobody is looked for.
};

/// "trim", "crop", "off"; nothing for other names.
std::optional<CutMode> cut_mode_of(const std::string& name);
const char* cut_mode_name(CutMode mode);

struct CutSettings {
  CutMode mode = CutMode::trim;
  TrackSettings tracks;
  double margin = 0.15;  ///< Crop: left on each side of the person, of the larger side of their boxes' hull.
  double aspect = 1.5;   ///< Crop: width / height that a crop is grown to as far as the picture allows: the model's.
};

/// The clip whose people were looked for.
struct LookedAt {
  int frames = 0;               ///< Of the whole clip.
  int width = 0;                ///< px
  int height = 0;
  std::vector<int> frame_of_look;  ///< Which frame each look was at, ascending.
  std::vector<double> looks_s;     ///< And its time in seconds.
};

/// What may be left of a clip: frames first <= f < end, and the part of the picture.
struct ClipCut {
  int first = 0;
  int end = 0;
  std::optional<Box> crop;  ///< Fractions of the frame, exact: times its size they are whole px; empty: all of it.
  int track = -1;           ///< Which of the tracks; -1 with CutMode::off.
};

/// The cuts that may be made, longest first: one a track, those alike given once (for the first of these tracks); none where
/// nobody is there, but the whole clip with CutMode::off. A stretch begins with the frame of its first look and ends before
/// the frame of the look after its last: each look stands for the time until the next. Where that leaves no more than
/// `longest_gap_s` at an end of the clip, it reaches to that end, so that one missed detection costs nothing.
/// A crop is the hull of the track's boxes with the margin, grown to the aspect, about the person's middle but moved into the
/// picture; what the picture is too small for is left out, of the growth first and of the margin then. Its sides are even px;
/// a crop that would leave out no more than a row and a column of px is all of the picture.
/// Throws Error(bug) where looks do not ascend within the clip or a track is outside them.
std::vector<ClipCut> possible_cuts(const LookedAt& clip, const std::vector<PersonTrack>& tracks, const CutSettings& settings);

}  // namespace dreamrunner
