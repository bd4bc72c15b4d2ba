#include "retrieve/clip_cut.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace dreamrunner {
namespace {

constexpr double kRounding = 1e-6;  // As in the tracks: a gap of just the longest is bridged.

void check_looks(const LookedAt& clip) {
  if (clip.frame_of_look.size() != clip.looks_s.size()) {
    throw Error(ErrorKind::bug, fmt::format("cuts: {} looks with {} times", clip.frame_of_look.size(), clip.looks_s.size()));
  }
  for (size_t look = 0; look < clip.looks_s.size(); ++look) {
    const int frame = clip.frame_of_look[look];
    if (frame < 0 || frame >= clip.frames || (look > 0 && (frame <= clip.frame_of_look[look - 1] || !(clip.looks_s[look] >= clip.looks_s[look - 1])))) {
      throw Error(ErrorKind::bug, fmt::format("cuts: look {} is at frame {} of {}, {} s; ascending looks expected", look, frame, clip.frames, clip.looks_s[look]));
    }
  }
}

/// The frames in which a track is there, reaching to the clip's ends where it is not known for long to be absent from them.
/// The time before the first look and after the last is reckoned from the mean pace between these.
ClipCut stretch_of(const LookedAt& clip, const PersonTrack& track, double longest_gap_s) {
  const int looks = static_cast<int>(clip.looks_s.size());
  const int first = track.boxes.front().look, last = track.boxes.back().look;
  if (first < 0 || last < first || last >= looks) {
    throw Error(ErrorKind::bug, fmt::format("cuts: a track from look {} to {} of {}", first, last, looks));
  }
  const int paced = clip.frame_of_look.back() - clip.frame_of_look.front();
  const double frame_s = paced > 0 ? (clip.looks_s.back() - clip.looks_s.front()) / paced : 0;
  const double begin_s = clip.looks_s.front() - frame_s * clip.frame_of_look.front();
  const double end_s = clip.looks_s.back() + frame_s * (clip.frames - clip.frame_of_look.back());

  ClipCut cut;
  cut.end = clip.frames;
  if (first > 0 && clip.looks_s[first] - begin_s > longest_gap_s + kRounding) cut.first = clip.frame_of_look[first];
  if (last + 1 < looks && end_s - clip.looks_s[last + 1] > longest_gap_s + kRounding) cut.end = clip.frame_of_look[last + 1];
  return cut;
}

/// A stretch of whole px along one side of the picture.
struct Side {
  int start = 0;
  int length = 0;

  int end() const { return start + length; }
};

/// The least Side of whole px that holds `low` to `high`, within a picture of `most` px.
Side whole_px(double low, double high, int most) {
  const double edge = most;
  const int start = static_cast<int>(std::floor(std::clamp(low, 0.0, edge)));
  const int end = static_cast<int>(std::ceil(std::clamp(high, 0.0, edge)));
  return {start, end - start};
}

/// The greatest even number of px up to `most` that is at least `length`, where there is one.
int even_length(double length, int most) {
  const double even = 2 * std::ceil(std::min<double>(length, most) / 2 - kRounding);
  return std::min(static_cast<int>(even), most / 2 * 2);
}

/// `length` px about the middle of `person`, moved into the picture.
Side around(const Side& person, int length, int most) {
  const int start = static_cast<int>(std::floor(person.start + (person.length - length) / 2.0));
  return {std::clamp(start, 0, most - length), length};
}

/// The part of the picture in which a track moves; nothing where that is all of it but for a row or a column of px.
std::optional<Box> crop_of(const LookedAt& clip, const PersonTrack& track, const CutSettings& settings) {
  double x0 = clip.width, y0 = clip.height, x1 = 0, y1 = 0;
  for (const TrackBox& box : track.boxes) {
    x0 = std::min<double>(x0, box.x0);
    y0 = std::min<double>(y0, box.y0);
    x1 = std::max<double>(x1, box.x1);
    y1 = std::max<double>(y1, box.y1);
  }
  const Side across = whole_px(x0, x1, clip.width), down = whole_px(y0, y1, clip.height);
  if (across.length <= 0 || down.length <= 0) return std::nullopt;  // Nobody in the picture to crop to.
  const double margin = settings.margin * std::max(across.length, down.length);
  const double person_width = std::min<double>(across.length + 2 * margin, clip.width);
  const double person_height = std::min<double>(down.length + 2 * margin, clip.height);
  const int width = even_length(std::max(person_width, person_height * settings.aspect), clip.width);
  const int height = even_length(std::max(person_height, person_width / settings.aspect), clip.height);
  if (width < 2 || height < 2 || (width >= clip.width - 1 && height >= clip.height - 1)) return std::nullopt;
  const Side columns = around(across, width, clip.width), rows = around(down, height, clip.height);
  return Box{static_cast<double>(columns.start) / clip.width, static_cast<double>(rows.start) / clip.height,
             static_cast<double>(columns.end()) / clip.width, static_cast<double>(rows.end()) / clip.height};
}

}  // namespace

std::optional<CutMode> cut_mode_of(const std::string& name) {
  for (const CutMode mode : {CutMode::trim, CutMode::crop, CutMode::off}) {
    if (name == cut_mode_name(mode)) return mode;
  }
  return std::nullopt;
}

const char* cut_mode_name(CutMode mode) {
  switch (mode) {
    case CutMode::trim: return "trim";
    case CutMode::crop: return "crop";
    case CutMode::off: return "off";
  }
  return "";
}

std::vector<ClipCut> possible_cuts(const LookedAt& clip, const std::vector<PersonTrack>& tracks, const CutSettings& settings) {
  if (settings.mode == CutMode::off) return {ClipCut{.end = clip.frames}};
  check_looks(clip);
  std::vector<ClipCut> cuts;
  for (size_t track = 0; track < tracks.size(); ++track) {
    if (tracks[track].boxes.empty()) throw Error(ErrorKind::bug, "cuts: a track without a box");
    ClipCut cut = stretch_of(clip, tracks[track], settings.tracks.longest_gap_s);
    if (settings.mode == CutMode::crop) cut.crop = crop_of(clip, tracks[track], settings);
    cut.track = static_cast<int>(track);
    const bool known = std::any_of(cuts.begin(), cuts.end(), [&](const ClipCut& other) {
      return other.first == cut.first && other.end == cut.end && other.crop == cut.crop;
    });
    if (!known) cuts.push_back(cut);
  }
  std::stable_sort(cuts.begin(), cuts.end(), [](const ClipCut& a, const ClipCut& b) { return a.end - a.first > b.end - b.first; });
  return cuts;
}

}  // namespace dreamrunner
