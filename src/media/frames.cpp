#include "media/frames.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {

FramesView view_of(const Picture& picture) { return {1, picture.height, picture.width, picture.rgb.data()}; }

Picture copy_frame(const FramesView& frames, int index) {
  const uint8_t* first = frames.frame(index);
  return {frames.width, frames.height, std::vector<uint8_t>(first, first + frames.frame_bytes())};
}

std::vector<uint8_t> bytes_from_unit_floats(std::span<const float> values) {
  std::vector<uint8_t> bytes(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const float value = values[i];
    if (!std::isfinite(value)) {
      throw Error(ErrorKind::numerical, fmt::format("pictures: value {} of {} is {}, a number in 0..1 expected", i, values.size(), value));
    }
    // In double: a float just below a half must not be rounded up by the addition itself.
    bytes[i] = static_cast<uint8_t>(std::floor(255.0 * std::clamp(value, 0.0f, 1.0f) + 0.5));
  }
  return bytes;
}

std::vector<int> sample_frames(int frames, int count) {
  std::vector<int> chosen;
  const int taken = std::min(frames, count);
  for (int i = 0; i < taken; ++i) {
    chosen.push_back(static_cast<int>((int64_t{2} * i + 1) * frames / (int64_t{2} * taken)));
  }
  return chosen;
}

}  // namespace dreamrunner
