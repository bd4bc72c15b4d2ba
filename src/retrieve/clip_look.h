#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/run_context.h"
#include "retrieve/clip_pictures.h"
#include "retrieve/feature_cache.h"
#include "stages/scorers.h"

namespace dreamrunner {

/// What one pass through a clip tells: how long and large it is, and who was seen where.
struct ClipLook {
  double rate = 0;                    ///< Frames a second, by the frames' times; the file's for one frame. 0 where nobody knows.
  int width = 0;                      ///< px
  int height = 0;
  std::vector<double> times_s;        ///< Of every frame, in the video.
  std::vector<int> looks;             ///< Frames in which people were looked for, ascending; empty where they were not.
  std::vector<Detection> detections;  ///< Their `frame` counts looks.

  int frames() const { return static_cast<int>(times_s.size()); }
};

/// How a clip is looked at.
struct LookSettings {
  bool detect = true;
  double looks_per_s = 12;
  DetectionSettings detection;
  std::string detector_print;  ///< Tells the detector's weights apart.
};

/// Looks at a clip, or remembers: `video_sha256` and the settings decide. `scorers` is asked for only when someone must be
/// looked for. Pictures are let go as they come, so that a clip of any length takes bounded memory. Throws Error(input_file)
/// for a video that cannot be read or has no picture in the clip; Error(interrupted).
ClipLook look_at(const ClipWindow& clip, const std::string& video_sha256, const LookSettings& settings, const std::function<Scorers&()>& scorers,
                 const FeatureCache& cache, const RunContext& run);

}  // namespace dreamrunner
