#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "base/run_context.h"
#include "media/frame_rate.h"
#include "media/frames.h"
#include "story/plan_types.h"

namespace dreamrunner {

/// The stretch of a video that a clip is. Frames of it count from 0.
struct ClipWindow {
  std::filesystem::path video;
  double start_s = 0;
  std::optional<double> end_s;  ///< Empty: to the end of the video.
};

/// Decodes a clip from its first frame to its last and hands each picture out with its number and its time in the video, in
/// seconds. Returns the video's rate, frames a second; 0 where the file does not say it. Throws Error(input_file) naming
/// the video, and Error(interrupted).
double walk_clip(const ClipWindow& clip, const RunContext& run, const std::function<void(const Picture& picture, int frame, double time_s)>& visit);

/// Frames `numbers` (ascending) of a clip, cut to `crop` where there is one (fractions of the frame, to the nearest pixel).
/// Throws Error(input_file), also for a frame that the clip does not have; Error(interrupted).
std::vector<Picture> clip_frames(const ClipWindow& clip, const std::vector<int>& numbers, const std::optional<Box>& crop, const RunContext& run);

/// Whether a video has a picture at `time_s` or later. Throws Error(input_file) and Error(interrupted).
bool has_picture_from(const std::filesystem::path& video, double time_s, const RunContext& run);

}  // namespace dreamrunner
