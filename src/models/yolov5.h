#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/json.h"
#include "models/yolov5_boxes.h"
#include "tensor/device.h"
#include "tensor/weights.h"

namespace dreamrunner {

/// `config.json` of a folder of YOLOv5 (tools/convert_scorers.py writes it). Defaults: YOLOv5n on COCO; s, m, l and x
/// differ in the two multiples.
struct YoloV5Config {
  double depth_multiple = 0.33;
  double width_multiple = 0.25;
  int64_t nc = 80;                  ///< Classes.
  std::vector<std::string> names;   ///< Of the classes; may be empty.
  /// Width and height in px of the three anchors of each of the three levels, the finest first.
  std::array<std::array<double, 6>, 3> anchors = {{{10, 13, 16, 30, 33, 23}, {30, 61, 62, 45, 59, 119}, {116, 90, 156, 198, 373, 326}}};
  int64_t image_size = 640;         ///< px that frames are resized to; a multiple of 32.
  int64_t person_class = 0;
};

/// Throws Error(input_file) for what is no YOLOv5.
YoloV5Config read_yolov5_config(const Json& json, const std::string& origin);

/// YOLOv5, version 6 or 7 of its layout: n, s, m, l, x and other multiples. Only the layout and the names of the weights
/// follow the published models; batch normalisation is folded into the convolutions when the weights are read.
/// Folder: `config.json` and `model.safetensors` with ultralytics' names. Source: ultralytics/yolov5, models/yolov5n.yaml,
/// models/common.py, models/yolo.py.
class YoloV5 {
 public:
  /// Throws Error(input_file).
  static YoloV5 open(const std::filesystem::path& folder, Placement placement);

  /// images [B, 3, H, W] in 0..1, sides multiples of 32 -> [B, rows, 5 + nc]: centre x, centre y, width and height in px
  /// of the image, objectness, a probability for each class. Rows: level (finest first), anchor, y, x.
  at::Tensor forward(const at::Tensor& images) const;

  /// frames uint8 [F, H, W, 3] on the CPU -> the boxes of all frames in px of the frame, by frame and falling score.
  /// Frames are resized to the config's size and padded to the least rectangle (or to a square).
  std::vector<FrameBox> detect(const at::Tensor& frames, const DetectionOptions& options) const;

  const YoloV5Config& config() const { return config_; }

  /// A convolution, its folded normalisation, and SiLU.
  struct Conv {
    at::Tensor weight, bias;
    int64_t stride = 1;
    at::Tensor forward(const at::Tensor& x) const;
  };
  /// Three convolutions around a chain of bottlenecks.
  struct C3 {
    Conv cv1, cv2, cv3;
    std::vector<std::array<Conv, 2>> bottlenecks;
    bool shortcut = false;
    at::Tensor forward(const at::Tensor& x) const;
  };
  /// Pooling at three growing ranges.
  struct Sppf {
    Conv cv1, cv2;
    at::Tensor forward(const at::Tensor& x) const;
  };

 private:
  YoloV5(YoloV5Config config, const Weights& weights);
  at::Tensor decoded(const at::Tensor& level, size_t index) const;

  YoloV5Config config_;
  Conv stem_, down2_, down3_, down4_, down5_;  ///< To 1/2, 1/4, 1/8, 1/16 and 1/32 of the size.
  C3 stage2_, stage3_, stage4_, stage5_;
  Sppf pool_;
  Conv reduce5_, reduce4_, regrow3_, regrow4_;  ///< 1x1 on the way up, stride 2 on the way down again.
  C3 up4_, up3_, out4_, out5_;
  std::array<Conv, 3> heads_;                   ///< Plain: neither normalisation nor SiLU.
};

}  // namespace dreamrunner
