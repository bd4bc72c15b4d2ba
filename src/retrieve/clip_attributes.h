#pragma once

#include <string>

namespace dreamrunner {

/// What a clip must have to be learnt from. The defaults are the paper's (A.1).
struct AttributeLimits {
  double least_s = 2.0;       ///< Frames / rate, which is their average.
  int least_frames = 40;
  double least_aspect = 0.9;  ///< Width / height.
};

/// A clip or what is left of it, after cutting.
struct ClipAttributes {
  int frames = 0;
  double rate = 0;  ///< Frames a second.
  int width = 0;    ///< px, of the crop where there is one.
  int height = 0;

  double seconds() const { return rate > 0 ? frames / rate : 0; }
};

/// Which limit a clip falls short of, with both numbers ("1.25 s, at least 2 s expected"); empty when it has what it needs.
/// A frame rate is a fraction, so a length just short of a limit by rounding (1e-6) is that limit.
std::string attribute_fault(const ClipAttributes& clip, const AttributeLimits& limits);

}  // namespace dreamrunner
