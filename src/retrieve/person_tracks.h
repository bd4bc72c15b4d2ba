#pragma once

#include <vector>

#include "stages/scorers.h"

namespace dreamrunner {

/// How detections in successive frames become people. docs/retrieval.md explains each.
struct TrackSettings {
  double least_overlap = 0.3;  ///< Intersection over union of where a person is expected and a detection, to be the same.
  double longest_gap_s = 0.5;  ///< How long a person may go unseen and still be the same: from the first look that missed them to
                               ///< the one that sees them again, so that a single missed look costs its own time alone.
  int least_seen = 2;          ///< Detections that make a person; fewer are taken for a mistake of the detector.
};

/// A person in one of the frames that were looked at.
struct TrackBox {
  int look = 0;             ///< Which look, from 0.
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;  ///< px of the frame
  bool seen = true;         ///< False: not detected here, placed between the looks before and after.
};

/// One person through a clip: a box for each look from the first to the last, without holes.
struct PersonTrack {
  std::vector<TrackBox> boxes;
  float score = 0;  ///< Mean of its detections'.
};

/// Of a look no more detections than this are followed, those with the highest scores.
constexpr size_t kMostPeople = 100;

/// Puts detections together, as SORT does: each track expects its box by a Kalman filter of constant speed (centre, area,
/// aspect; box_filter.h); tracks and detections are matched to the largest sum of the overlaps that are large enough
/// (assignment, exact). `looks_s` are the times of the looks in seconds, ascending, however far apart; `Detection::frame`
/// counts them. Where a person was missed they are placed on the straight line between the sightings before and after; before the
/// first and after the last there is nothing. A detection without an area is passed over. Longest track in time first,
/// then higher score, then earlier. Throws Error(bug) for a detection outside the looks or times that do not ascend, and
/// Error(numerical) for a box or score that is not finite.
std::vector<PersonTrack> track_people(const std::vector<Detection>& detections, const std::vector<double>& looks_s, const TrackSettings& settings);

}  // namespace dreamrunner
