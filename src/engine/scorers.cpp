#include "engine/scorers.h"

#include <optional>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <fmt/format.h>

#include "base/error.h"
#include "engine/out_of_memory.h"
#include "models/clip.h"
#include "models/viclip.h"
#include "models/yolov5.h"
#include "tensor/device.h"

namespace dreamrunner {
namespace {

/// Pictures that a model works on at once: enough to keep the cores busy, few enough for any memory.
constexpr int64_t kFramesAtOnce = 16;

/// The pixels of `frames` as a tensor that shares their memory.
at::Tensor tensor_of(const SceneFrames& frames) {
  const size_t expected = size_t{3} * static_cast<size_t>(frames.frames) * static_cast<size_t>(frames.height) * static_cast<size_t>(frames.width);
  if (frames.frames < 1 || frames.height < 1 || frames.width < 1 || frames.pixels.size() != expected) {
    throw Error(ErrorKind::bug, fmt::format("{} frames of {} x {} px in {} bytes", frames.frames, frames.width, frames.height, frames.pixels.size()));
  }
  // Read only, whatever from_blob thinks.
  return at::from_blob(const_cast<uint8_t*>(frames.pixels.data()), {frames.frames, frames.height, frames.width, 3}, at::TensorOptions(at::kByte));
}

Embeddings unit_rows(const at::Tensor& rows) {
  const at::Tensor wide = rows.to(at::kCPU, at::kFloat);
  const at::Tensor lengths = wide.norm(2, {1}, /*keepdim=*/true);
  if (!at::isfinite(wide).all().item<bool>() || lengths.eq(0).any().item<bool>()) {
    throw Error(ErrorKind::numerical, "an embedding is not finite, or nought", "use --dtype fp32; if it is fp32 already, the weights are damaged");
  }
  const at::Tensor unit = (wide / lengths).contiguous();
  const float* const first = unit.const_data_ptr<float>();
  return {.width = static_cast<int>(unit.size(1)), .values = {first, first + unit.numel()}};
}

/// Runs `work` without gradients, and tells where memory runs out.
template <typename Work>
auto compute(const Work& work) {
  const c10::InferenceMode inference;
  return tell_out_of_memory(work);
}

class TorchScorers final : public Scorers {
 public:
  explicit TorchScorers(const ScorerSettings& settings) {
    const at::Device device = choose_device(settings.device);
    const Placement placement{.device = device, .dtype = choose_dtype(settings.dtype, device, at::kFloat)};
    if (!settings.clip.empty()) {
      clip_ = Clip::open(settings.clip, placement);
      format_.clip_width = static_cast<int>(clip_->config().text.embed_dim);
      format_.threshold = clip_->config().thresholds.average;
      format_.clip_threshold = clip_->config().thresholds.alone;
    }
    if (!settings.viclip.empty()) {
      viclip_ = ViClip::open(settings.viclip, placement);
      format_.viclip_width = static_cast<int>(viclip_->config().text.embed_dim);
      format_.viclip_frames = static_cast<int>(viclip_->config().frames);
      // The limit of the mean is written into both folders; one of them may be older.
      if (viclip_->config().thresholds.average) format_.threshold = viclip_->config().thresholds.average;
      format_.viclip_threshold = viclip_->config().thresholds.alone;
    }
    if (!settings.yolov5.empty()) {
      yolov5_ = YoloV5::open(settings.yolov5, placement);
      format_.labels = yolov5_->config().names;
      format_.person_label = static_cast<int>(yolov5_->config().person_class);
    }
  }

  const ScorerFormat& format() const override { return format_; }

  Embeddings clip_frames(const SceneFrames& frames) override {
    return compute([&] {
      const at::Tensor all = tensor_of(frames);
      std::vector<at::Tensor> rows;
      for (const at::Tensor& some : all.split(kFramesAtOnce)) rows.push_back(opened(clip_, "CLIP").embed_frames(some));
      return unit_rows(at::cat(rows));
    });
  }

  Embeddings clip_text(const std::string& text) override {
    return compute([&] { return unit_rows(opened(clip_, "CLIP").embed_text(text)); });
  }

  Embeddings viclip_clip(const SceneFrames& frames) override {
    return compute([&] { return unit_rows(opened(viclip_, "ViCLIP").embed_clip(tensor_of(frames))); });
  }

  std::vector<int> viclip_looks_at(int frames) const override {
    const ViClipConfig& config = opened(viclip_, "ViCLIP").config();
    const std::vector<int64_t> chosen = viclip_frames(config.preparation, frames, config.frames);
    return {chosen.begin(), chosen.end()};
  }

  Embeddings viclip_text(const std::string& text) override {
    return compute([&] { return unit_rows(opened(viclip_, "ViCLIP").embed_text(text)); });
  }

  std::vector<Detection> detect(const SceneFrames& frames, const DetectionSettings& settings) override {
    return compute([&] {
      const YoloV5& model = opened(yolov5_, "YOLOv5");
      DetectionOptions options{.confidence = settings.confidence, .overlap = settings.overlap, .labels = {settings.labels.begin(), settings.labels.end()}};
      if (options.labels.empty()) options.labels = {model.config().person_class};
      std::vector<Detection> found;
      for (const FrameBox& box : model.detect(tensor_of(frames), options)) {
        found.push_back({.frame = static_cast<int>(box.frame), .x0 = box.x0, .y0 = box.y0, .x1 = box.x1, .y1 = box.y1, .score = box.score,
                         .label = static_cast<int>(box.label)});
      }
      return found;
    });
  }

 private:
  template <typename Model>
  static const Model& opened(const std::optional<Model>& model, const char* name) {
    if (!model) throw Error(ErrorKind::bug, fmt::format("{} was not opened", name));
    return *model;
  }

  ScorerFormat format_;
  std::optional<Clip> clip_;
  std::optional<ViClip> viclip_;
  std::optional<YoloV5> yolov5_;
};

}  // namespace

std::unique_ptr<Scorers> make_scorers(const ScorerSettings& settings) {
  return compute([&] { return std::make_unique<TorchScorers>(settings); });
}

}  // namespace dreamrunner
