#include "models/yolov5.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "models/config_reader.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

using Conv = YoloV5::Conv;
using C3 = YoloV5::C3;

constexpr double kBatchNormEps = 1e-3;
constexpr std::array<int64_t, 3> kStrides = {8, 16, 32};
constexpr int64_t kAnchors = 3;
constexpr int64_t kFramesAtOnce = 8;

/// A convolution and its batch normalisation as one convolution. Weights that were exported fused have a bias already.
Conv take_conv(const Weights& weights, int64_t in, int64_t out, int64_t kernel, int64_t stride) {
  at::Tensor weight = (weights / "conv").take("weight", {out, in, kernel, kernel});
  at::Tensor bias;
  const Weights norm = weights / "bn";
  if (norm.has("weight")) {
    norm.ignore("num_batches_tracked");
    const at::Tensor scale = norm.take("weight", {out}).to(at::kDouble) / (norm.take("running_var", {out}).to(at::kDouble) + kBatchNormEps).sqrt();
    bias = (norm.take("bias", {out}).to(at::kDouble) - norm.take("running_mean", {out}).to(at::kDouble) * scale).to(weight.scalar_type());
    weight = (weight.to(at::kDouble) * scale.view({-1, 1, 1, 1})).to(weight.scalar_type());
  } else {
    bias = (weights / "conv").take("bias", {out});
  }
  return {.weight = weight.contiguous(at::MemoryFormat::ChannelsLast), .bias = bias, .stride = stride};
}

C3 take_c3(const Weights& weights, int64_t in, int64_t out, int64_t depth, bool shortcut) {
  const int64_t hidden = out / 2;
  C3 c3{.cv1 = take_conv(weights / "cv1", in, hidden, 1, 1),
        .cv2 = take_conv(weights / "cv2", in, hidden, 1, 1),
        .cv3 = take_conv(weights / "cv3", 2 * hidden, out, 1, 1),
        .shortcut = shortcut};
  for (int64_t i = 0; i < depth; ++i) {
    const Weights bottleneck = weights / "m" / std::to_string(i);
    c3.bottlenecks.push_back({take_conv(bottleneck / "cv1", hidden, hidden, 1, 1), take_conv(bottleneck / "cv2", hidden, hidden, 3, 1)});
  }
  return c3;
}

/// Anchors are written as three lists of six numbers or of three pairs.
std::array<double, 6> read_level(const Json& level, const ConfigReader& reader) {
  std::vector<double> numbers;
  const auto add = [&](const Json& value) {
    if (value.is_number() && value.get<double>() > 0 && value.get<double>() < 1e5) numbers.push_back(value);
  };
  for (const Json& value : level) {
    add(value);
    if (value.is_array()) {
      for (const Json& inner : value) add(inner);
    }
  }
  if (numbers.size() != 6) reader.refuse("anchors: three lists of six sizes in px expected");
  std::array<double, 6> result{};
  std::copy(numbers.begin(), numbers.end(), result.begin());
  return result;
}

at::Tensor doubled(const at::Tensor& x) { return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)}); }

/// The sizes that anchors have in the weights (in cells of their level) must be those of the config: models with anchors
/// of their own are common, and wrong ones give boxes that look almost right.
void check_anchors(const YoloV5Config& config, const Weights& head) {
  head.ignore("anchor_grid");
  if (!head.has("anchors")) return;
  const at::Tensor cells = head.take("anchors", {3, kAnchors, 2}).to(at::kCPU, at::kDouble).contiguous();
  const double* cell = cells.const_data_ptr<double>();
  for (size_t level = 0; level < config.anchors.size(); ++level) {
    for (const double px : config.anchors[level]) {
      const double found = *cell++ * static_cast<double>(kStrides[level]);
      if (std::abs(found - px) > 0.01 * px) {
        throw Error(ErrorKind::input_file, fmt::format("model.24.anchors: an anchor of {:.1f} px in the weights is {:.1f} px in config.json", found, px),
                    "write the anchors of the weights into config.json, or convert the model again (tools/convert_scorers.py)");
      }
    }
  }
}

}  // namespace

YoloV5Config read_yolov5_config(const Json& json, const std::string& origin) {
  const ConfigReader reader(json, origin);
  if (!json.contains("_class_name")) reader.refuse("_class_name: missing, \"YOLOv5\" expected", "tools/convert_scorers.py writes it");
  reader.require("_class_name", "YOLOv5", "a folder of YOLOv5 is needed (tools/convert_scorers.py)");
  YoloV5Config config;
  config.depth_multiple = reader.real("depth_multiple", config.depth_multiple, 0.01, 10);
  config.width_multiple = reader.real("width_multiple", config.width_multiple, 0.01, 10);
  config.nc = reader.integer("nc", config.nc, 1, 10'000);
  config.image_size = reader.integer("image_size", config.image_size, 32, 2048);
  if (config.image_size % kStrides.back() != 0) reader.refuse(fmt::format("image_size: found {}, a multiple of 32 expected", config.image_size));
  config.person_class = reader.integer("person_class", 0, 0, config.nc - 1);
  reader.require("strides", Json::array({8, 16, 32}), "this program has YOLOv5 with three levels");
  if (json.contains("names") && json["names"].is_array()) {
    for (const Json& name : json["names"]) {
      if (!name.is_string()) reader.refuse("names: a list of names expected");
      config.names.push_back(name);
    }
    if (static_cast<int64_t>(config.names.size()) != config.nc) reader.refuse(fmt::format("names: {} of them for {} classes", config.names.size(), config.nc));
  }
  if (json.contains("anchors") && !json["anchors"].is_null()) {
    if (!json["anchors"].is_array() || json["anchors"].size() != 3) reader.refuse("anchors: three lists of six sizes in px expected");
    for (size_t level = 0; level < 3; ++level) config.anchors[level] = read_level(json["anchors"][level], reader);
  }
  return config;
}

at::Tensor YoloV5::Conv::forward(const at::Tensor& x) const {
  // Padding keeps the size at stride 1; 2 of it for the stem's kernel of 6.
  at::Tensor y = at::conv2d(x, weight, bias, stride, (weight.size(2) - 1) / 2);
  return at::silu_(y);
}

at::Tensor YoloV5::C3::forward(const at::Tensor& x) const {
  at::Tensor inner = cv1.forward(x);
  for (const auto& [first, second] : bottlenecks) {
    const at::Tensor y = second.forward(first.forward(inner));
    inner = shortcut ? inner + y : y;
  }
  return cv3.forward(at::cat({inner, cv2.forward(x)}, 1));
}

at::Tensor YoloV5::Sppf::forward(const at::Tensor& x) const {
  const auto pooled = [](const at::Tensor& y) { return at::max_pool2d(y, 5, 1, 2); };
  const at::Tensor a = cv1.forward(x), b = pooled(a), c = pooled(b);
  return cv2.forward(at::cat({a, b, c, pooled(c)}, 1));
}

YoloV5 YoloV5::open(const fs::path& folder, Placement placement) {
  const fs::path path = folder / "config.json";
  return YoloV5(read_yolov5_config(read_json_file(path), path.string()), Weights::open(folder, "model", placement));
}

YoloV5::YoloV5(YoloV5Config config, const Weights& weights) : config_(std::move(config)) {
  const Weights model = weights / "model";
  const auto width = [&](int64_t channels) { return static_cast<int64_t>(std::ceil(static_cast<double>(channels) * config_.width_multiple / 8)) * 8; };
  const auto depth = [&](int64_t blocks) { return std::max<int64_t>(1, std::llrint(static_cast<double>(blocks) * config_.depth_multiple)); };
  const int64_t w1 = width(64), w2 = width(128), w3 = width(256), w4 = width(512), w5 = width(1024);
  const auto conv = [&](int layer, int64_t in, int64_t out, int64_t kernel, int64_t stride) {
    return take_conv(model / std::to_string(layer), in, out, kernel, stride);
  };
  const auto c3 = [&](int layer, int64_t in, int64_t out, int64_t blocks, bool shortcut) {
    return take_c3(model / std::to_string(layer), in, out, depth(blocks), shortcut);
  };
  stem_ = conv(0, 3, w1, 6, 2);
  down2_ = conv(1, w1, w2, 3, 2);
  stage2_ = c3(2, w2, w2, 3, true);
  down3_ = conv(3, w2, w3, 3, 2);
  stage3_ = c3(4, w3, w3, 6, true);
  down4_ = conv(5, w3, w4, 3, 2);
  stage4_ = c3(6, w4, w4, 9, true);
  down5_ = conv(7, w4, w5, 3, 2);
  stage5_ = c3(8, w5, w5, 3, true);
  pool_ = {.cv1 = take_conv(model / "9" / "cv1", w5, w5 / 2, 1, 1), .cv2 = take_conv(model / "9" / "cv2", w5 / 2 * 4, w5, 1, 1)};
  // Layers 11, 12, 15, 16, 19 and 22 of the reference are resizes and joins without weights.
  reduce5_ = conv(10, w5, w4, 1, 1);
  up4_ = c3(13, w4 + w4, w4, 3, false);
  reduce4_ = conv(14, w4, w3, 1, 1);
  up3_ = c3(17, w3 + w3, w3, 3, false);
  regrow3_ = conv(18, w3, w3, 3, 2);
  out4_ = c3(20, w3 + w3, w4, 3, false);
  regrow4_ = conv(21, w4, w4, 3, 2);
  out5_ = c3(23, w4 + w4, w5, 3, false);
  const Weights head = model / "24";
  const std::array<int64_t, 3> widths = {w3, w4, w5};
  for (size_t level = 0; level < 3; ++level) {
    const Weights one = head / "m" / std::to_string(level);
    const int64_t out = kAnchors * (5 + config_.nc);
    heads_[level] = {.weight = one.take("weight", {out, widths[level], 1, 1}), .bias = one.take("bias", {out})};
  }
  check_anchors(config_, head);
  weights.finish();
}

at::Tensor YoloV5::forward(const at::Tensor& images) const {
  if (images.dim() != 4 || images.numel() == 0 || images.size(1) != 3 || images.size(2) % kStrides.back() != 0 || images.size(3) % kStrides.back() != 0) {
    throw Error(ErrorKind::usage, fmt::format("images: found {}, [B, 3, H, W] with sides that are multiples of 32 expected", shape_text(images.sizes())));
  }
  const at::Tensor x = images.to(stem_.weight.device(), stem_.weight.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor x2 = stage2_.forward(down2_.forward(stem_.forward(x)));
  const at::Tensor x3 = stage3_.forward(down3_.forward(x2));
  const at::Tensor x4 = stage4_.forward(down4_.forward(x3));
  const at::Tensor x5 = pool_.forward(stage5_.forward(down5_.forward(x4)));

  const at::Tensor narrow5 = reduce5_.forward(x5);
  const at::Tensor narrow4 = reduce4_.forward(up4_.forward(at::cat({doubled(narrow5), x4}, 1)));
  const at::Tensor y3 = up3_.forward(at::cat({doubled(narrow4), x3}, 1));
  const at::Tensor y4 = out4_.forward(at::cat({regrow3_.forward(y3), narrow4}, 1));
  const at::Tensor y5 = out5_.forward(at::cat({regrow4_.forward(y4), narrow5}, 1));
  return at::cat({decoded(y3, 0), decoded(y4, 1), decoded(y5, 2)}, 1);
}

at::Tensor YoloV5::decoded(const at::Tensor& level, size_t index) const {
  const Conv& head = heads_[index];
  const auto stride = static_cast<double>(kStrides[index]);
  const int64_t height = level.size(2), width = level.size(3);
  const at::Tensor y_BAHWo = at::conv2d(level, head.weight, head.bias).unflatten(1, {kAnchors, 5 + config_.nc}).permute({0, 1, 3, 4, 2}).to(at::kFloat).sigmoid();
  const at::TensorOptions options = y_BAHWo.options();
  const at::Tensor cells = at::stack({at::arange(width, options).expand({height, width}), at::arange(height, options).unsqueeze(1).expand({height, width})}, 2);
  const auto& sizes = config_.anchors[index];
  const at::Tensor anchors = at::tensor(std::vector<double>(sizes.begin(), sizes.end()), options).view({kAnchors, 1, 1, 2});
  const at::Tensor centres = (y_BAHWo.slice(-1, 0, 2) * 2 + (cells - 0.5)) * stride;
  const at::Tensor extents = (y_BAHWo.slice(-1, 2, 4) * 2).square() * anchors;
  return at::cat({centres, extents, y_BAHWo.slice(-1, 4)}, -1).flatten(1, 3);
}

std::vector<FrameBox> YoloV5::detect(const at::Tensor& frames, const DetectionOptions& options) const {
  if (frames.dim() != 4 || frames.numel() == 0) throw Error(ErrorKind::usage, "frames: uint8 [F, H, W, 3] expected");
  const Letterbox letterbox = fit_letterbox(frames.size(1), frames.size(2), config_.image_size, options.square);
  std::vector<FrameBox> boxes;
  for (int64_t first = 0; first < frames.size(0); first += kFramesAtOnce) {
    const at::Tensor pictures = put_into_letterbox(frames.slice(0, first, std::min(frames.size(0), first + kFramesAtOnce)), letterbox);
    const at::Tensor rows = forward(pictures.permute({0, 3, 1, 2}).to(at::kFloat).div_(255));
    for (int64_t i = 0; i < rows.size(0); ++i) {
      for (FrameBox box : suppress_doubles(rows[i], options, first + i)) {
        const auto inside = [](double value, int64_t side) { return static_cast<float>(std::clamp(value, 0.0, static_cast<double>(side))); };
        box.x0 = inside(letterbox.frame_x(box.x0), letterbox.frame_width);
        box.x1 = inside(letterbox.frame_x(box.x1), letterbox.frame_width);
        box.y0 = inside(letterbox.frame_y(box.y0), letterbox.frame_height);
        box.y1 = inside(letterbox.frame_y(box.y1), letterbox.frame_height);
        boxes.push_back(box);
      }
    }
  }
  return boxes;
}

}  // namespace dreamrunner
