#pragma once

#include <algorithm>

#include "media/frame_rate.h"

namespace dreamrunner {

/// Ends of a window are rounded, to milliseconds at worst, and so are frames' times: a frame this little away from an end lies on it.
constexpr double kMostWindowSlack_s = 1e-3;

/// The same for a video of this rate: a quarter of a frame, where that is less.
inline double window_slack_s(const FrameRate& rate) {
  return rate.num > 0 ? std::min(kMostWindowSlack_s, 0.25 / rate.per_second()) : kMostWindowSlack_s;
}

}  // namespace dreamrunner
