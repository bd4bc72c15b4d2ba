#include "retrieve/clip_pictures.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/error.h"
#include "media/isolated_video.h"

namespace dreamrunner {
namespace {

VideoReadOptions options_of(const ClipWindow& clip) {
  VideoReadOptions options;
  options.start_s = clip.start_s;
  options.end_s = clip.end_s.value_or(std::numeric_limits<double>::infinity());
  return options;
}

Picture cut_out(const Picture& whole, const Box& crop) {
  const auto pixel = [](double fraction, int side) { return static_cast<int>(std::lround(fraction * side)); };
  const int left = pixel(crop.left, whole.width), right = pixel(crop.right, whole.width);
  const int top = pixel(crop.top, whole.height), bottom = pixel(crop.bottom, whole.height);
  if (left < 0 || top < 0 || right > whole.width || bottom > whole.height || left >= right || top >= bottom) {
    throw Error(ErrorKind::bug, fmt::format("a crop of pixels {} to {} and {} to {} in {} x {}", left, right, top, bottom, whole.width, whole.height));
  }
  Picture part{.width = right - left, .height = bottom - top, .rgb = {}};
  const size_t row_bytes = size_t{3} * static_cast<size_t>(part.width);
  part.rgb.resize(row_bytes * static_cast<size_t>(part.height));
  for (int y = 0; y < part.height; ++y) {
    const size_t from = size_t{3} * (static_cast<size_t>(top + y) * static_cast<size_t>(whole.width) + static_cast<size_t>(left));
    std::memcpy(part.rgb.data() + static_cast<size_t>(y) * row_bytes, whole.rgb.data() + from, row_bytes);
  }
  return part;
}

}  // namespace

double walk_clip(const ClipWindow& clip, const RunContext& run, const std::function<void(const Picture&, int, double)>& visit) {
  IsolatedVideo reader(clip.video, options_of(clip), {}, run);
  Picture picture;
  double time_s = 0;
  for (int frame = 0; reader.next(picture, time_s); ++frame) {
    run.check();
    visit(picture, frame, time_s);
  }
  return reader.info().rate.num > 0 ? reader.info().rate.per_second() : 0;
}

std::vector<Picture> clip_frames(const ClipWindow& clip, const std::vector<int>& numbers, const std::optional<Box>& crop, const RunContext& run) {
  std::vector<Picture> pictures;
  if (numbers.empty()) return pictures;
  VideoReadOptions options = options_of(clip);
  options.only.assign(numbers.begin(), numbers.end());
  IsolatedVideo reader(clip.video, options, {}, run);
  Picture picture;
  double time_s = 0;
  while (pictures.size() < numbers.size() && reader.next(picture, time_s)) {
    run.check();
    pictures.push_back(crop ? cut_out(picture, *crop) : picture);
  }
  if (pictures.size() < numbers.size()) {
    throw Error(ErrorKind::input_file, fmt::format("{}: ends before frame {} of its clip", clip.video.string(), numbers[pictures.size()]));
  }
  return pictures;
}

bool has_picture_from(const std::filesystem::path& video, double time_s, const RunContext& run) {
  VideoReadOptions options = options_of({video, time_s, std::nullopt});
  options.only = {0};
  IsolatedVideo reader(video, options, {}, run);
  Picture picture;
  double found_s = 0;
  return reader.next(picture, found_s);
}

}  // namespace dreamrunner
