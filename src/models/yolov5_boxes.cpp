#include "models/yolov5_boxes.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "nn/picture_resize.h"

namespace dreamrunner {
namespace {

constexpr int64_t kStride = 32;
constexpr uint8_t kGrey = 114;
constexpr size_t kMostCandidates = 30'000;
/// Keeps boxes of different classes apart: more than any picture's side. In fp32, as the reference adds it.
constexpr float kClassOffset = 7680;

float overlap_of(const FrameBox& a, const FrameBox& b) {
  // On the shifted places, with their coarser rounding, as the reference compares them.
  const auto shifted = [](float value, const FrameBox& box) { return value + static_cast<float>(box.label) * kClassOffset; };
  const float ax0 = shifted(a.x0, a), ay0 = shifted(a.y0, a), ax1 = shifted(a.x1, a), ay1 = shifted(a.y1, a);
  const float bx0 = shifted(b.x0, b), by0 = shifted(b.y0, b), bx1 = shifted(b.x1, b), by1 = shifted(b.y1, b);
  const float width = std::max(0.0f, std::min(ax1, bx1) - std::max(ax0, bx0)), height = std::max(0.0f, std::min(ay1, by1) - std::max(ay0, by0));
  const float both = width * height;
  return both / ((ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - both);
}

}  // namespace

Letterbox fit_letterbox(int64_t height, int64_t width, int64_t size, bool square) {
  const double ratio = std::min(static_cast<double>(size) / static_cast<double>(height), static_cast<double>(size) / static_cast<double>(width));
  Letterbox box{.frame_height = height, .frame_width = width};
  // A frame a thousand times wider than high would lose its height altogether.
  box.scaled_height = std::max<int64_t>(1, std::llrint(static_cast<double>(height) * ratio));
  box.scaled_width = std::max<int64_t>(1, std::llrint(static_cast<double>(width) * ratio));
  const auto padding = [&](int64_t scaled) { return square ? size - scaled : (size - scaled) % kStride; };
  const int64_t down = padding(box.scaled_height), across = padding(box.scaled_width);
  // Half a line too much goes to the bottom, half a column to the right.
  box.top = std::llrint(static_cast<double>(down) / 2 - 0.1);
  box.left = std::llrint(static_cast<double>(across) / 2 - 0.1);
  box.height = box.scaled_height + down;
  box.width = box.scaled_width + across;
  return box;
}

at::Tensor put_into_letterbox(const at::Tensor& frames, const Letterbox& letterbox) {
  const at::Tensor result = at::full({frames.size(0), letterbox.height, letterbox.width, 3}, kGrey, at::kByte);
  result.slice(1, letterbox.top, letterbox.top + letterbox.scaled_height)
      .slice(2, letterbox.left, letterbox.left + letterbox.scaled_width)
      .copy_(resize_as_opencv(frames, letterbox.scaled_height, letterbox.scaled_width));
  return result;
}

std::vector<FrameBox> suppress_doubles(const at::Tensor& rows, const DetectionOptions& options, int64_t frame) {
  const auto confidence = static_cast<float>(options.confidence), limit = static_cast<float>(options.overlap);
  const at::Tensor table = rows.to(at::kCPU, at::kFloat).contiguous();
  const int64_t columns = table.size(1), classes = columns - 5;
  const float* row = table.const_data_ptr<float>();
  std::vector<FrameBox> candidates;
  for (int64_t i = 0; i < table.size(0); ++i, row += columns) {
    if (!(row[4] > confidence)) continue;
    int64_t label = 0;
    float score = row[5] * row[4];
    for (int64_t c = 1; c < classes; ++c) {
      if (row[5 + c] * row[4] > score) score = row[5 + c] * row[4], label = c;
    }
    if (!(score > confidence)) continue;
    if (!options.labels.empty() && std::find(options.labels.begin(), options.labels.end(), label) == options.labels.end()) continue;
    const float half_width = row[2] / 2, half_height = row[3] / 2;
    candidates.push_back({.frame = frame, .x0 = row[0] - half_width, .y0 = row[1] - half_height, .x1 = row[0] + half_width,
                          .y1 = row[1] + half_height, .score = score, .label = label});
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const FrameBox& a, const FrameBox& b) { return a.score > b.score; });
  if (candidates.size() > kMostCandidates) candidates.resize(kMostCandidates);
  std::vector<FrameBox> kept;
  for (const FrameBox& candidate : candidates) {
    if (static_cast<int64_t>(kept.size()) >= options.most) break;
    const bool doubles = std::any_of(kept.begin(), kept.end(), [&](const FrameBox& better) { return overlap_of(better, candidate) > limit; });
    if (!doubles) kept.push_back(candidate);
  }
  return kept;
}

}  // namespace dreamrunner
