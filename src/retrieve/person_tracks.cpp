#include "retrieve/person_tracks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "retrieve/assignment.h"
#include "retrieve/box_filter.h"

namespace dreamrunner {
namespace {

/// A gap of just `longest_gap_s` is bridged, whatever rounding made of the times.
constexpr double kRounding = 1e-6;

struct Sighting {
  int look = 0;
  PixelBox box;
  float score = 0;
};

/// A person while the looks go by.
struct Follow {
  BoxFilter filter;
  std::vector<Sighting> sightings;

  int last_look() const { return sightings.back().look; }
};

PixelBox box_of(const Detection& detection) { return {detection.x0, detection.y0, detection.x1, detection.y1}; }

void check_looks(const std::vector<double>& looks_s) {
  for (size_t look = 0; look < looks_s.size(); ++look) {
    if (!std::isfinite(looks_s[look]) || (look > 0 && looks_s[look] < looks_s[look - 1])) {
      throw Error(ErrorKind::bug, fmt::format("tracks: look {} is at {} s, ascending times expected", look, looks_s[look]));
    }
  }
}

/// What was seen in each look: detections with an area, those with the highest scores where there are too many.
std::vector<std::vector<Sighting>> by_look(const std::vector<Detection>& detections, int looks) {
  std::vector<std::vector<Sighting>> seen(looks);
  for (const Detection& detection : detections) {
    if (detection.frame < 0 || detection.frame >= looks) {
      throw Error(ErrorKind::bug, fmt::format("tracks: a detection in look {} of {}", detection.frame, looks));
    }
    const PixelBox box = box_of(detection);
    if (!std::isfinite(box.x0 + box.y0 + box.x1 + box.y1 + detection.score)) {
      throw Error(ErrorKind::numerical, fmt::format("look {}: a detection's box or score is not finite", detection.frame),
                  "use --dtype fp32; if it is fp32 already, the detector's weights are damaged");
    }
    // At the frame's edge a box may be clipped to a line: there is nothing of a person in it.
    if (box.width() > 0 && box.height() > 0) seen[detection.frame].push_back({detection.frame, box, detection.score});
  }
  for (std::vector<Sighting>& sightings : seen) {
    std::stable_sort(sightings.begin(), sightings.end(), [](const Sighting& a, const Sighting& b) { return a.score > b.score; });
    if (sightings.size() > kMostPeople) sightings.resize(kMostPeople);
  }
  return seen;
}

/// Each track and sighting that belong together, once.
void match(std::vector<Follow>& tracks, const std::vector<Sighting>& seen, const std::vector<size_t>& alive, double least_overlap) {
  std::vector<double> gain(seen.size() * alive.size(), 0.0);
  for (size_t column = 0; column < alive.size(); ++column) {
    const PixelBox expected = tracks[alive[column]].filter.box();
    for (size_t row = 0; row < seen.size(); ++row) {
      const double common = overlap(seen[row].box, expected);
      if (common >= least_overlap) gain[row * alive.size() + column] = common;
    }
  }
  const std::vector<int> column_of = best_assignment(gain, static_cast<int>(seen.size()), static_cast<int>(alive.size()));
  for (size_t row = 0; row < seen.size(); ++row) {
    if (column_of[row] < 0) {
      tracks.push_back({BoxFilter(seen[row].box), {seen[row]}});
    } else {
      Follow& track = tracks[alive[column_of[row]]];
      track.filter.correct(seen[row].box);
      track.sightings.push_back(seen[row]);
    }
  }
}

TrackBox track_box(int look, const PixelBox& box, bool seen) {
  return {look, static_cast<float>(box.x0), static_cast<float>(box.y0), static_cast<float>(box.x1), static_cast<float>(box.y1), seen};
}

/// Where somebody was between two sightings, at a steady pace.
PixelBox between(const Sighting& before, const Sighting& after, int look, const std::vector<double>& looks_s) {
  const double whole = looks_s[after.look] - looks_s[before.look];
  const double part = whole > 0 ? (looks_s[look] - looks_s[before.look]) / whole : 0;
  const auto mix = [part](double a, double b) { return a + part * (b - a); };
  return {mix(before.box.x0, after.box.x0), mix(before.box.y0, after.box.y0), mix(before.box.x1, after.box.x1), mix(before.box.y1, after.box.y1)};
}

PersonTrack person_of(const std::vector<Sighting>& sightings, const std::vector<double>& looks_s) {
  PersonTrack person;
  double score = 0;
  for (size_t place = 0; place < sightings.size(); ++place) {
    const Sighting& here = sightings[place];
    if (place > 0) {
      for (int look = sightings[place - 1].look + 1; look < here.look; ++look) {
        person.boxes.push_back(track_box(look, between(sightings[place - 1], here, look, looks_s), false));
      }
    }
    person.boxes.push_back(track_box(here.look, here.box, true));
    score += here.score;
  }
  person.score = static_cast<float>(score / static_cast<double>(sightings.size()));
  return person;
}

}  // namespace

std::vector<PersonTrack> track_people(const std::vector<Detection>& detections, const std::vector<double>& looks_s, const TrackSettings& settings) {
  check_looks(looks_s);
  const int looks = static_cast<int>(looks_s.size());
  const std::vector<std::vector<Sighting>> seen = by_look(detections, looks);
  std::vector<Follow> tracks;
  std::vector<size_t> alive;
  for (int look = 0; look < looks; ++look) {
    std::erase_if(alive, [&](size_t track) {
      return looks_s[look] - looks_s[tracks[track].last_look() + 1] > settings.longest_gap_s + kRounding;
    });
    for (const size_t track : alive) tracks[track].filter.predict(looks_s[look] - looks_s[look - 1]);
    const size_t before = tracks.size();
    match(tracks, seen[look], alive, settings.least_overlap);
    for (size_t track = before; track < tracks.size(); ++track) alive.push_back(track);
  }
  std::vector<PersonTrack> people;
  for (const Follow& track : tracks) {
    if (static_cast<int>(track.sightings.size()) >= settings.least_seen) people.push_back(person_of(track.sightings, looks_s));
  }
  const auto length_s = [&](const PersonTrack& person) { return looks_s[person.boxes.back().look] - looks_s[person.boxes.front().look]; };
  std::stable_sort(people.begin(), people.end(), [&](const PersonTrack& a, const PersonTrack& b) {
    const double a_s = length_s(a), b_s = length_s(b);
    if (a_s != b_s) return a_s > b_s;
    if (a.score != b.score) return a.score > b.score;
    return a.boxes.front().look < b.boxes.front().look;
  });
  return people;
}

}  // namespace dreamrunner
