#include "models/viclip.h"

#include <algorithm>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "models/config_reader.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

const std::vector<double> kImageNetMean = {0.485, 0.456, 0.406};
const std::vector<double> kImageNetStd = {0.229, 0.224, 0.225};

ClipTransformerConfig read_transformer(const Json& json, const std::string& origin, ClipTransformerConfig config) {
  const ConfigReader reader(json, origin);
  config.width = reader.integer("width", config.width, 1, 1 << 14);
  config.inner_width = 4 * config.width;
  config.layers = reader.integer("layers", config.layers, 1, 256);
  config.heads = reader.integer("heads", config.heads, 1, 1024);
  if (config.width % config.heads != 0) reader.refuse(fmt::format("width: {} is no multiple of {} heads", config.width, config.heads));
  return config;
}

/// torch's bicubic stretch to `height` x `width` without antialiasing, rounded to 8 bits as torchvision does.
at::Tensor stretch_bicubic(const at::Tensor& frames, int64_t height, int64_t width) {
  const at::Tensor wide = frames.permute({0, 3, 1, 2}).contiguous().to(at::kFloat);
  return at::upsample_bicubic2d(wide, {height, width}, /*align_corners=*/false).clamp_(0, 255).round_().to(at::kByte).permute({0, 2, 3, 1});
}

at::Tensor cut_middle(const at::Tensor& frames, int64_t size) {
  return frames.slice(1, centre_offset(frames.size(1), size)).slice(1, 0, size).slice(2, centre_offset(frames.size(2), size)).slice(2, 0, size);
}

}  // namespace

ViClipConfig read_viclip_config(const Json& json, const std::string& origin) {
  const ConfigReader reader(json, origin);
  if (!json.contains("_class_name")) reader.refuse("_class_name: missing, \"ViCLIP\" expected", "tools/convert_scorers.py writes it");
  reader.require("_class_name", "ViCLIP", "a folder of ViCLIP is needed (tools/convert_scorers.py)");
  ViClipConfig config;
  const auto part = [&](const char* name) { return json.contains(name) ? json[name] : Json::object(); };
  const Json vision = part("vision"), text = part("text");
  const std::string vision_origin = origin + ": vision", text_origin = origin + ": text";
  config.vision = read_transformer(vision, vision_origin, config.vision);
  const ConfigReader vision_reader(vision, vision_origin);
  config.image_size = vision_reader.integer("image_size", config.image_size, 1, 4096);
  config.patch_size = vision_reader.integer("patch_size", config.patch_size, 1, 4096);
  config.frames = vision_reader.integer("frames", config.frames, 1, 1024);
  if (config.patch_size > config.image_size) vision_reader.refuse("patch_size: larger than image_size");
  config.text.transformer = read_transformer(text, text_origin, config.text.transformer);
  const ConfigReader text_reader(text, text_origin);
  config.text.context_length = text_reader.integer("context_length", config.text.context_length, 2, 1 << 14);
  config.text.vocab_size = text_reader.integer("vocab_size", config.text.vocab_size, 3, 1'000'000);
  config.text.embed_dim = reader.integer("embed_dim", config.text.embed_dim, 1, 1 << 14);
  config.text.end_id = 2;  // the largest id of a text, as the reference finds the end
  const std::string preparation = json.value("preprocess", Json("B")).dump();
  if (preparation != "\"A\"" && preparation != "\"B\"") reader.refuse(fmt::format("preprocess: found {}, \"A\" or \"B\" expected", preparation));
  config.preparation = preparation == "\"A\"" ? ViClipPreparation::a : ViClipPreparation::b;
  config.thresholds = read_scorer_thresholds(json, origin);
  return config;
}

std::vector<int64_t> viclip_frames(ViClipPreparation preparation, int64_t frames, int64_t count) {
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < count; ++i) {
    if (preparation == ViClipPreparation::a && frames >= count) {
      chosen.push_back(i * (frames / count));
    } else {
      const int64_t begin = i * frames / count, end = (i + 1) * frames / count;
      chosen.push_back(std::max<int64_t>(begin + end - 1, 0) / 2);
    }
  }
  return chosen;
}

at::Tensor viclip_pixels(ViClipPreparation preparation, const at::Tensor& frames, int64_t image_size) {
  if (frames.dim() != 4 || frames.numel() == 0 || frames.size(3) != 3 || frames.scalar_type() != at::kByte) {
    throw Error(ErrorKind::usage, fmt::format("frames: found {}, uint8 [F, H, W, 3] expected", shape_text(frames.sizes())));
  }
  if (preparation == ViClipPreparation::a) {
    return normalised_pixels(resize_as_opencv(frames, image_size, image_size), kImageNetMean, kImageNetStd);
  }
  const int64_t height = frames.size(1), width = frames.size(2);
  const int64_t longer = scaled_longer_side(std::min(height, width), std::max(height, width), image_size);
  const bool upright = height >= width;
  const at::Tensor resized = std::min(height, width) == image_size
                                 ? frames
                                 : stretch_bicubic(frames, upright ? longer : image_size, upright ? image_size : longer);
  const ClipPreprocess clip;
  return normalised_pixels(cut_middle(resized, image_size), clip.mean, clip.std);
}

ViClip ViClip::open(const fs::path& folder, Placement placement) {
  const fs::path path = folder / "config.json";
  ViClipConfig config = read_viclip_config(read_json_file(path), path.string());
  ClipTokenizer tokenizer = open_clip_tokenizer(folder, config.text.vocab_size);
  return ViClip(std::move(config), std::move(tokenizer), Weights::open(folder, "model", placement));
}

ViClip::ViClip(ViClipConfig config, ClipTokenizer tokenizer, const Weights& weights) : config_(std::move(config)), tokenizer_(std::move(tokenizer)) {
  const Weights vision = weights / "vision_encoder";
  const int64_t width = config_.vision.width, side = config_.image_size / config_.patch_size;
  const double eps = config_.vision.eps;
  patches_ = vision.take("conv1.weight", {width, 3, 1, config_.patch_size, config_.patch_size}).select(2, 0);
  class_ = vision.take("class_embedding", {width});
  positions_ = vision.take("positional_embedding", {1 + side * side, width});
  time_positions_ = vision.take("temporal_positional_embedding", {1, config_.frames, width}).select(0, 0);
  first_norm_ = take_layer_norm(vision / "ln_pre", width, eps);
  transformer_ = ClipTransformer(config_.vision, ClipNames::openai, vision / "transformer");
  last_norm_ = take_layer_norm(vision / "ln_post", width, eps);
  projection_.weight = vision.take("proj", {width, config_.text.embed_dim}).t().contiguous();
  text_ = ClipTextTower(config_.text, ClipNames::openai, weights / "text_encoder");
  // What training divided the similarity by; the scores here are plain cosines.
  weights.ignore("temp");
  weights.finish();
}

at::Tensor ViClip::embed_text(std::string_view text) const { return text_.forward(clip_text_ids(tokenizer_, text, config_.text.context_length)); }

at::Tensor ViClip::embed_clip(const at::Tensor& frames) const {
  if (frames.dim() != 4 || frames.numel() == 0) throw Error(ErrorKind::usage, "frames: uint8 [F, H, W, 3] expected");
  const at::Tensor chosen = frames.index_select(0, at::tensor(viclip_frames(config_.preparation, frames.size(0), config_.frames), at::kLong));
  return embed_pixels(viclip_pixels(config_.preparation, chosen, config_.image_size).transpose(0, 1).unsqueeze(0));
}

at::Tensor ViClip::embed_pixels(const at::Tensor& pixels) const {
  const int64_t size = config_.image_size, frames = config_.frames;
  if (pixels.dim() != 5 || pixels.numel() == 0 || pixels.sizes().slice(1) != at::IntArrayRef({3, frames, size, size})) {
    throw Error(ErrorKind::usage, fmt::format("pixels: found {}, [B, 3, {}, {}, {}] expected", shape_text(pixels.sizes()), frames, size, size));
  }
  const at::Tensor input = pixels.to(patches_.device(), patches_.scalar_type());
  const at::Tensor pictures = input.transpose(1, 2).flatten(0, 1);
  at::Tensor x_BTND = at::conv2d(pictures, patches_, {}, config_.patch_size).flatten(2).transpose(1, 2).unflatten(0, {input.size(0), frames});
  x_BTND = x_BTND + positions_.slice(0, 1) + time_positions_.unsqueeze(1);
  // Tokens run over time first and over patches then. One class token a clip; it has no place in time.
  const at::Tensor tokens = x_BTND.transpose(1, 2).flatten(1, 2);
  const at::Tensor first = (class_ + positions_[0]).expand({input.size(0), 1, -1});
  const at::Tensor states = transformer_.forward(first_norm_.forward(at::cat({first, tokens}, 1)), /*causal=*/false);
  return projection_.forward(last_norm_.forward(states.select(1, 0)));
}

}  // namespace dreamrunner
