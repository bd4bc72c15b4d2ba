#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/json.h"
#include "nn/picture_resize.h"

namespace dreamrunner {

/// What CLIP does to a picture before it sees it: the shorter side resized (Pillow's bicubic, 8 bits), the middle cut out,
/// channels normalised. Source: openai/CLIP, clip.py, _transform; transformers' `preprocessor_config.json`.
struct ClipPreprocess {
  int64_t size_px = 224;  ///< Of the shorter side.
  int64_t crop_px = 224;
  PillowFilter filter = PillowFilter::bicubic;
  std::vector<double> mean = {0.48145466, 0.4578275, 0.40821073};
  std::vector<double> std = {0.26862954, 0.26130258, 0.27577711};

  /// frames uint8 [F, H, W, 3] on the CPU -> [F, 3, crop_px, crop_px] fp32. Throws as `scaled_longer_side`.
  at::Tensor forward(const at::Tensor& frames) const;
};

/// Reads `preprocessor_config.json` of a folder; without the file, CLIP's own values at `image_size`. Throws
/// Error(input_file) for steps that this program does not have and for pictures of another size than the model's.
ClipPreprocess read_clip_preprocess(const std::filesystem::path& folder, int64_t image_size);

/// The first line or column of a middle cut: half of what is too much, halves to the even number as Python rounds them.
int64_t centre_offset(int64_t side, int64_t crop);

/// The longer side when the shorter one becomes `size`: rounded down, as torchvision does. Throws Error(usage) for more
/// than 100 to 1, which no film has and no memory would hold.
int64_t scaled_longer_side(int64_t shorter, int64_t longer, int64_t size);

/// frames uint8 [F, H, W, 3] -> (x / 255 - mean) / std as [F, 3, H, W] fp32.
at::Tensor normalised_pixels(const at::Tensor& frames, const std::vector<double>& mean, const std::vector<double>& std);

}  // namespace dreamrunner
