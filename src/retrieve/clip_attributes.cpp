#include "retrieve/clip_attributes.h"

#include <fmt/format.h>

namespace dreamrunner {
namespace {

constexpr double kRounding = 1e-6;

}  // namespace

std::string attribute_fault(const ClipAttributes& clip, const AttributeLimits& limits) {
  const double seconds = clip.seconds();
  if (seconds < limits.least_s - kRounding) return fmt::format("{:.2f} s, at least {:g} s expected", seconds, limits.least_s);
  if (clip.frames < limits.least_frames) return fmt::format("{} frames, at least {} expected", clip.frames, limits.least_frames);
  const double aspect = clip.height > 0 ? static_cast<double>(clip.width) / clip.height : 0;
  if (aspect < limits.least_aspect - kRounding) {
    return fmt::format("{} x {} px, width / height {:.2f}, at least {:g} expected", clip.width, clip.height, aspect, limits.least_aspect);
  }
  return {};
}

}  // namespace dreamrunner
