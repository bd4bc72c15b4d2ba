#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// What passes through the door (stages.h) about the scoring models of retrieval: how well a clip shows what a text says,
/// and where people are in it.
namespace dreamrunner {

struct SceneFrames;

/// Which scoring models are opened, and how. A model whose folder is empty is not opened.
struct ScorerSettings {
  std::filesystem::path clip;      ///< CLIP in Hugging Face's layout (docs/scorers.md has the three layouts).
  std::filesystem::path viclip;
  std::filesystem::path yolov5;
  std::string device = "auto";     ///< "auto" (a GPU if there is one), "cpu" or "cuda".
  std::string dtype = "fp32";      ///< "fp32", "fp16" or "bf16".
};

/// What the opened models say of themselves.
struct ScorerFormat {
  int clip_width = 0;                      ///< Of an embedding; 0 where the model is not opened.
  int viclip_width = 0;
  int viclip_frames = 0;                   ///< That ViCLIP looks at in a clip.
  /// From which score on a clip is kept, for weights that have their own limits: of the mean of CLIP and ViCLIP, and of
  /// each alone. Empty: the paper's, which belongs to the published weights.
  std::optional<double> threshold;
  std::optional<double> clip_threshold;
  std::optional<double> viclip_threshold;
  std::vector<std::string> labels;         ///< Names of the detector's classes; may be empty.
  int person_label = 0;
};

/// Embeddings, one below the other, each of length 1: the dot product of two is their cosine.
struct Embeddings {
  int width = 0;
  std::vector<float> values;

  int rows() const { return width > 0 ? static_cast<int>(values.size()) / width : 0; }
};

/// The cosine of each row of `rows` with the one row of `one`. Throws Error(bug) when they do not fit together.
std::vector<float> cosines(const Embeddings& rows, const Embeddings& one);

/// How boxes are found. The defaults are the detector's own.
struct DetectionSettings {
  double confidence = 0.25;  ///< The least score.
  double overlap = 0.45;     ///< Intersection over union beyond which the lower score gives way.
  std::vector<int> labels;   ///< Classes wanted; empty: people.
};

/// Something found in a frame.
struct Detection {
  int frame = 0;
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;  ///< px of the frame, within it
  float score = 0;
  int label = 0;
};

/// The scoring models. Features are separate from scores, so that those of a clip can be kept and compared with many
/// texts. Frames are as a clip shows them, of any size. A model that was not opened is Error(bug).
class Scorers {
 public:
  virtual ~Scorers() = default;
  virtual const ScorerFormat& format() const = 0;

  /// CLIP: a row for each frame; a row for the text (a text that is too long is cut).
  virtual Embeddings clip_frames(const SceneFrames& frames) = 0;
  virtual Embeddings clip_text(const std::string& text) = 0;
  /// ViCLIP: one row for a clip of one frame or more, of which it takes `viclip_frames` as its weights were trained.
  virtual Embeddings viclip_clip(const SceneFrames& frames) = 0;
  /// Which frames of a clip of `frames` (1 or more) it looks at: ascending, repeated where there are too few. It sees the same in a clip
  /// of just these, so nobody has to hold the others.
  virtual std::vector<int> viclip_looks_at(int frames) const = 0;
  virtual Embeddings viclip_text(const std::string& text) = 0;
  /// YOLOv5: by frame, and by falling score in it.
  virtual std::vector<Detection> detect(const SceneFrames& frames, const DetectionSettings& settings) = 0;

  /// The cosine of each frame with a text, by CLIP.
  std::vector<float> clip(const SceneFrames& frames, const std::string& query) { return cosines(clip_frames(frames), clip_text(query)); }
  /// The cosine of a clip with a text, by ViCLIP.
  float viclip(const SceneFrames& frames, const std::string& query) { return cosines(viclip_clip(frames), viclip_text(query)).at(0); }
};

}  // namespace dreamrunner
