#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/run_context.h"
#include "retrieve/clip_pictures.h"
#include "retrieve/feature_cache.h"
#include "stages/scorers.h"

namespace dreamrunner {

/// Frames that CLIP looks at in a clip (paper, A.1).
constexpr int kClipFrames = 8;

/// A stretch of a clip whose likeness to texts is asked for: frames first <= f < end, and the part of the picture.
struct Segment {
  ClipWindow clip;
  std::string video_sha256;
  int first = 0;
  int end = 0;
  std::optional<Box> crop;
};

/// What the scoring models see in a segment; empty for a model that is not there.
struct SegmentFeatures {
  Embeddings clip;    ///< A row for each of the frames that CLIP looked at.
  Embeddings viclip;  ///< One row.
};

/// Which models there are, and what tells their weights apart; empty: not there.
struct FeaturePrints {
  std::string clip;
  std::string viclip;
};

/// Looks at a segment with the models that are there, or remembers. Only the frames that the models ask for are kept in
/// memory. Throws Error(input_file) for a video that cannot be read; Error(interrupted).
SegmentFeatures features_of(const Segment& segment, const FeaturePrints& prints, const std::function<Scorers&()>& scorers, const FeatureCache& cache,
                            const RunContext& run);

}  // namespace dreamrunner
