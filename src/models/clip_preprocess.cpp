#include "models/clip_preprocess.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "models/config_reader.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kNarrowest = 100;
constexpr double kByteScale = 1.0 / 255.0;

/// A size is written as 224, as {"shortest_edge": 224} or as {"height": 224, "width": 224}.
int64_t side_of(const Json& config, const std::string& key, const std::string& origin, int64_t fallback) {
  if (!config.contains(key) || config[key].is_null()) return fallback;
  const Json& value = config[key];
  if (!value.is_object()) return ConfigReader(config, origin).integer(key, fallback, 1, 4096);
  const ConfigReader sides(value, origin + ": " + key);
  if (value.contains("shortest_edge")) return sides.integer("shortest_edge", fallback, 1, 4096);
  const int64_t height = sides.integer("height", fallback, 1, 4096), width = sides.integer("width", fallback, 1, 4096);
  if (height != width) sides.refuse(fmt::format("found {} x {}, a square expected", height, width));
  return height;
}

std::vector<double> channel_values(const Json& config, const std::string& key, const std::string& origin, const std::vector<double>& fallback, double least) {
  if (!config.contains(key) || config[key].is_null()) return fallback;
  const Json& list = config[key];
  const bool fits = list.is_array() && list.size() == 3 && std::all_of(list.begin(), list.end(), [&](const Json& value) {
    return value.is_number() && value.get<double>() >= least && value.get<double>() <= 10;
  });
  if (!fits) ConfigReader(config, origin).refuse(fmt::format("{}: found {}, three numbers from {} to 10 expected", key, list.dump(), least));
  return list.get<std::vector<double>>();
}

}  // namespace

int64_t centre_offset(int64_t side, int64_t crop) {
  const int64_t surplus = side - crop, half = surplus / 2;
  return surplus % 2 == 0 ? half : half + half % 2;
}

int64_t scaled_longer_side(int64_t shorter, int64_t longer, int64_t size) {
  if (longer > kNarrowest * shorter) {
    throw Error(ErrorKind::usage, fmt::format("frames with sides of {} and {} px: at most {} to 1 expected", shorter, longer, kNarrowest));
  }
  return static_cast<int64_t>(static_cast<double>(size * longer) / static_cast<double>(shorter));
}

at::Tensor normalised_pixels(const at::Tensor& frames, const std::vector<double>& mean, const std::vector<double>& std) {
  const auto channels = [](const std::vector<double>& values) { return at::tensor(values, at::kFloat).view({1, 3, 1, 1}); };
  return frames.permute({0, 3, 1, 2}).contiguous().to(at::kFloat).div_(255.0).sub_(channels(mean)).div_(channels(std));
}

ClipPreprocess read_clip_preprocess(const fs::path& folder, int64_t image_size) {
  ClipPreprocess preprocess{.size_px = image_size, .crop_px = image_size};
  const fs::path path = folder / "preprocessor_config.json";
  if (std::error_code ignored; !fs::exists(path, ignored)) return preprocess;
  const std::string origin = path.string();
  const Json config = read_json_file(path);
  const ConfigReader reader(config, origin);
  const std::string why = "this program resizes, cuts out the middle and normalises, as CLIP's own models do";
  for (const char* step : {"do_resize", "do_center_crop", "do_normalize", "do_rescale", "do_convert_rgb"}) reader.require(step, true, why);
  // Pillow's numbers of the filters.
  const int64_t filter = reader.integer("resample", 3, 0, 5);
  if (filter != 2 && filter != 3) reader.refuse(fmt::format("resample: found {}, 2 (bilinear) or 3 (bicubic) expected", filter), why);
  preprocess.filter = filter == 2 ? PillowFilter::bilinear : PillowFilter::bicubic;
  if (std::abs(reader.real("rescale_factor", kByteScale, 0, 1) - kByteScale) > 1e-9) reader.refuse("rescale_factor: 1/255 expected", why);
  preprocess.size_px = side_of(config, "size", origin, image_size);
  preprocess.crop_px = side_of(config, "crop_size", origin, image_size);
  preprocess.mean = channel_values(config, "image_mean", origin, preprocess.mean, -10);
  preprocess.std = channel_values(config, "image_std", origin, preprocess.std, 1e-6);
  if (preprocess.crop_px != image_size || preprocess.size_px < preprocess.crop_px) {
    reader.refuse(fmt::format("pictures are resized to {} px and cut to {} px; the model's are of {} px", preprocess.size_px, preprocess.crop_px, image_size),
                  "config.json and preprocessor_config.json are of different models");
  }
  return preprocess;
}

at::Tensor ClipPreprocess::forward(const at::Tensor& frames) const {
  if (frames.dim() != 4 || frames.numel() == 0) throw Error(ErrorKind::usage, "frames: [F, H, W, 3] expected");
  const int64_t height = frames.size(1), width = frames.size(2);
  const int64_t longer = scaled_longer_side(std::min(height, width), std::max(height, width), size_px);
  const bool upright = height >= width;
  const at::Tensor resized = resize_as_pillow(frames, upright ? longer : size_px, upright ? size_px : longer, filter);
  const at::Tensor middle = resized.slice(1, centre_offset(resized.size(1), crop_px)).slice(1, 0, crop_px)
                                .slice(2, centre_offset(resized.size(2), crop_px)).slice(2, 0, crop_px);
  return normalised_pixels(middle, mean, std);
}

}  // namespace dreamrunner
