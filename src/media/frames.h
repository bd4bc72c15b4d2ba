#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dreamrunner {

/// One picture: sRGB, 8 bits a channel, `height` x `width` x 3, row by row from the top.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgb;
  bool operator==(const Picture&) const = default;
};

/// Pictures of one size that somebody else owns: `frames` x `height` x `width` x 3, laid out as in `Picture`.
struct FramesView {
  int frames = 0;
  int height = 0;
  int width = 0;
  const uint8_t* rgb = nullptr;

  size_t frame_bytes() const { return size_t{3} * static_cast<size_t>(height) * static_cast<size_t>(width); }
  const uint8_t* frame(int index) const { return rgb + static_cast<size_t>(index) * frame_bytes(); }
};

/// One picture seen as a film of one frame. Valid as long as the picture.
FramesView view_of(const Picture& picture);

/// A copy of frame `index`.
Picture copy_frame(const FramesView& frames, int index);

/// Channel values in 0..1 as bytes: floor(255 x + 0.5), so halves go up; what lies outside 0..1 is clamped.
/// Throws Error(numerical) naming the first place that holds NaN or infinity.
std::vector<uint8_t> bytes_from_unit_floats(std::span<const float> values);

/// `count` frame numbers that stand for a film of `frames`: the middle of each of `count` equal stretches, in order and
/// without repeats (so fewer than `count` for a short film).
std::vector<int> sample_frames(int frames, int count);

}  // namespace dreamrunner
