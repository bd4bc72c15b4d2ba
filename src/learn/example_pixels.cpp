#include "learn/example_pixels.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "media/isolated_video.h"
#include "media/picture_reader.h"

namespace dreamrunner {
namespace {

constexpr double kFilmRate = 8;      // pictures a second of the model's films
constexpr int kNearlyWhite = 250;    // a background of the reference's picture sets

/// pictures [F, H, W, 3] uint8 to another size, smoothed where they shrink.
at::Tensor resize(const at::Tensor& pictures, int64_t height, int64_t width) {
  if (pictures.size(1) == height && pictures.size(2) == width) return pictures;
  const at::Tensor scaled = at::_upsample_bilinear2d_aa(pictures.permute({0, 3, 1, 2}).to(at::kFloat), {height, width}, /*align_corners=*/false);
  return scaled.round().clamp(0, 255).to(at::kByte).permute({0, 2, 3, 1});
}

/// The part of pictures [F, H, W, ...] inside `crop`, at least one pixel.
at::Tensor cut(const at::Tensor& pictures, const std::optional<Box>& crop) {
  if (!crop) return pictures;
  const auto span = [](double low, double high, int64_t size) {
    const auto begin = std::clamp<int64_t>(static_cast<int64_t>(std::floor(low * static_cast<double>(size))), 0, size - 1);
    const auto end = std::clamp<int64_t>(static_cast<int64_t>(std::ceil(high * static_cast<double>(size))), begin + 1, size);
    return std::pair{begin, end};
  };
  const auto [top, bottom] = span(crop->top, crop->bottom, pictures.size(1));
  const auto [left, right] = span(crop->left, crop->right, pictures.size(2));
  return pictures.slice(1, top, bottom).slice(2, left, right);
}

at::Tensor from_rgb(const uint8_t* rgb, int64_t frames, int64_t height, int64_t width) {
  return at::from_blob(const_cast<uint8_t*>(rgb), {frames, height, width, 3}, at::kByte).clone();
}

ExamplePixels read_video_example(const PriorExample& example, const LatentGrid& grid, const RunContext& run) {
  VideoReadOptions options;
  options.start_s = example.start_s.value_or(0);
  options.end_s = options.start_s + static_cast<double>(grid.num_frames) / kFilmRate;
  if (example.end_s) options.end_s = std::min(options.end_s, *example.end_s);
  const Video video = read_isolated_video(example.file, options, {}, run);
  if (video.info.frames < 1) {
    throw Error(ErrorKind::input_file, fmt::format("{}: no frame from {} s to {} s", example.file.string(), options.start_s, options.end_s));
  }
  const at::Tensor all = cut(from_rgb(video.pixels.data(), video.info.frames, video.info.height, video.info.width), example.crop);
  const at::Tensor chosen = all.index_select(0, at::tensor(training_frames(all.size(0), grid.num_frames), at::kLong));
  return {resize(chosen, grid.height_px, grid.width_px).contiguous(), {}};
}

ExamplePixels read_picture_example(const PriorExample& example, const LatentGrid& grid, bool mask) {
  const ShownPicture shown = read_picture(example.file);
  const Picture& picture = shown.picture;
  const at::Tensor pixels = cut(from_rgb(picture.rgb.data(), 1, picture.height, picture.width), example.crop);
  const PictureSize size = training_size(pixels.size(1), pixels.size(2), grid);
  ExamplePixels read{resize(pixels, size.height, size.width).expand({grid.num_frames, -1, -1, -1}).contiguous(), {}};
  if (mask) {
    at::Tensor subject = std::get<0>(pixels.min(-1)).lt(kNearlyWhite).to(at::kByte).mul(255);
    if (!shown.alpha.empty()) {
      const at::Tensor alpha = at::from_blob(const_cast<uint8_t*>(shown.alpha.data()), {1, picture.height, picture.width}, at::kByte).clone();
      subject = cut(alpha, example.crop);
    }
    read.mask_HW = resize(subject.unsqueeze(-1), size.height, size.width).select(0, 0).select(-1, 0).gt(127).to(at::kFloat);
  }
  return read;
}

}  // namespace

std::vector<int64_t> training_frames(int64_t count, int64_t wanted) {
  std::vector<int64_t> frames;
  for (int64_t i = 0; i < wanted; ++i) {
    if (count >= wanted) {
      frames.push_back(wanted == 1 ? 0 : static_cast<int64_t>(static_cast<double>(i) * static_cast<double>(count - 1) / static_cast<double>(wanted - 1)));
    } else {
      frames.push_back(std::min(i, count - 1));
    }
  }
  return frames;
}

PictureSize training_size(int64_t height, int64_t width, const LatentGrid& grid) {
  const int64_t step = grid.height_px / grid.token_height;  // pixels a token
  const double scale = std::min(static_cast<double>(grid.height_px) / static_cast<double>(height), static_cast<double>(grid.width_px) / static_cast<double>(width));
  const auto fit = [&](int64_t side, int64_t most) {
    const auto tokens = static_cast<int64_t>(std::lround(static_cast<double>(side) * scale / static_cast<double>(step)));
    return std::clamp<int64_t>(tokens, 1, most / step) * step;
  };
  return {fit(height, grid.height_px), fit(width, grid.width_px)};
}

ExamplePixels read_example(PriorKind kind, const PriorExample& example, const LatentGrid& grid, bool mask, const RunContext& run) {
  return kind == PriorKind::motion ? read_video_example(example, grid, run) : read_picture_example(example, grid, mask);
}

}  // namespace dreamrunner
