#include "engine/forward_scorers.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "engine/forward_io.h"
#include "media/frame_rate.h"
#include "media/frames.h"
#include "media/isolated_video.h"
#include "models/clip.h"
#include "models/viclip.h"
#include "models/yolov5.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// Frames that a request may choose from a video: `--fps` may ask for more than there are.
constexpr double kMostChosenFrames = 100'000;

/// The folder of a scoring model: the one named, or its place in a folder that holds all three.
fs::path folder_of(const ForwardRequest& request, const char* name) {
  std::error_code ignored;
  return fs::exists(request.model / name / "config.json", ignored) ? request.model / name : request.model;
}

at::Tensor take_frames(Inputs& inputs) {
  const at::Tensor frames = inputs.take("frames", 4);
  if (frames.scalar_type() != at::kByte || frames.size(3) != 3) {
    throw Error(ErrorKind::usage, fmt::format("{}: frames: found {}, uint8 [F, H, W, 3] expected", inputs.origin(), shape_text(frames.sizes())));
  }
  return frames;
}

/// Texts to embeddings [B, D]; a text that was cut is reported.
template <typename Model>
at::Tensor embed_texts(const Model& model, const ForwardRequest& request, RunContext& run) {
  std::vector<at::Tensor> embeds;
  for (const std::string& text : request.texts) {
    const TokenizedText tokens = model.tokenizer().encode(text, model.config().text.context_length);
    if (tokens.cut) run.report().note(fmt::format("a text of {} tokens is cut to {}", tokens.length, tokens.ids.size()));
    embeds.push_back(model.embed_text(text));
  }
  return at::cat(embeds);
}

void run_clip_text(const ForwardRequest& request, RunContext& run) {
  if (request.texts.empty()) throw Error(ErrorKind::usage, "clip-text: --text is missing");
  write_result(request, {{"embeds", embed_texts(Clip::open(folder_of(request, "clip"), placement_of(request)), request, run)}});
}

void run_clip_image(const ForwardRequest& request) {
  Inputs inputs(request.input);
  const auto pixels = inputs.take_if_there("pixels", 4);
  const auto frames = pixels ? std::nullopt : std::optional(take_frames(inputs));
  inputs.finish();
  const Clip clip = Clip::open(folder_of(request, "clip"), placement_of(request));
  write_result(request, {{"embeds", pixels ? clip.embed_pixels(*pixels) : clip.embed_frames(*frames)}});
}

void run_viclip(const ForwardRequest& request, RunContext& run) {
  if (!request.texts.empty()) {
    if (!request.input.empty()) throw Error(ErrorKind::usage, "viclip: --text or --in, not both");
    write_result(request, {{"embeds", embed_texts(ViClip::open(folder_of(request, "viclip"), placement_of(request)), request, run)}});
    return;
  }
  Inputs inputs(request.input);
  const at::Tensor frames = take_frames(inputs);
  inputs.finish();
  write_result(request, {{"embeds", ViClip::open(folder_of(request, "viclip"), placement_of(request)).embed_clip(frames)}});
}

void run_yolov5(const ForwardRequest& request) {
  Inputs inputs(request.input);
  const at::Tensor frames = take_frames(inputs);
  inputs.finish();
  const YoloV5 model = YoloV5::open(folder_of(request, "yolov5"), placement_of(request));
  const std::vector<FrameBox> boxes = model.detect(frames, {.labels = {model.config().person_class}});
  std::vector<float> table;
  for (const FrameBox& box : boxes) table.insert(table.end(), {static_cast<float>(box.frame), box.x0, box.y0, box.x1, box.y1, box.score});
  write_result(request, {{"boxes", at::tensor(table, at::kFloat).view({-1, 6})}});
}

/// The frames that a player shows at 0, 1/rate, 2/rate, ... seconds after `start`; a frame stays until the next one's time.
std::vector<int64_t> frames_at_rate(const std::vector<double>& times_s, double start_s, double end_s, double rate) {
  // The last frame stays as long as those before it did.
  const double stay = times_s.size() > 1 ? (times_s.back() - times_s.front()) / static_cast<double>(times_s.size() - 1) : 1 / rate;
  const double end = std::min(end_s, times_s.back() + stay);
  if ((end - start_s) * rate > kMostChosenFrames) throw Error(ErrorKind::usage, fmt::format("frames: more than {} frames asked for", kMostChosenFrames));
  std::vector<int64_t> chosen;
  constexpr double kTick = 1e-6;  // times are sums of fractions
  for (int64_t i = 0;; ++i) {
    const double time = start_s + static_cast<double>(i) / rate;
    if (time >= end - kTick && !chosen.empty()) return chosen;
    const auto after = std::upper_bound(times_s.begin(), times_s.end(), time + kTick);
    chosen.push_back(std::max<int64_t>(after - times_s.begin() - 1, 0));
  }
}

void run_frames(const ForwardRequest& request) {
  VideoReadOptions options;
  options.start_s = request.start_s.value_or(0);
  options.end_s = request.end_s.value_or(std::numeric_limits<double>::infinity());
  if (!(options.start_s >= 0) || !(options.end_s > options.start_s)) {
    throw Error(ErrorKind::usage, fmt::format("frames: --start {} --end {}: 0 <= start < end expected", options.start_s, options.end_s));
  }
  const Video video = read_isolated_video(request.input, options);
  const int64_t count = video.info.frames, height = video.info.height, width = video.info.width;
  if (count < 1) {
    throw Error(ErrorKind::input_file, fmt::format("{}: no frame from {} to {} s", request.input.string(), options.start_s, options.end_s));
  }
  std::vector<int64_t> chosen;
  if (request.fps.empty()) {
    for (int64_t i = 0; i < count; ++i) chosen.push_back(i);
  } else {
    chosen = frames_at_rate(video.times_s, options.start_s, options.end_s, parse_frame_rate(request.fps).per_second());
  }
  if (request.count) {
    std::vector<int64_t> fewer;
    for (const int i : sample_frames(static_cast<int>(chosen.size()), *request.count)) fewer.push_back(chosen[static_cast<size_t>(i)]);
    chosen = fewer;
  }
  std::vector<double> times;
  for (const int64_t i : chosen) times.push_back(video.times_s[static_cast<size_t>(i)]);
  const at::Tensor all = at::from_blob(const_cast<uint8_t*>(video.pixels.data()), {count, height, width, 3}, at::TensorOptions(at::kByte));
  write_result(request, {{"frames", all.index_select(0, at::tensor(chosen, at::kLong))}, {"times", at::tensor(times, at::kDouble)}});
}

}  // namespace

bool run_scorer_part(const ForwardRequest& request, RunContext& run) {
  const std::string& part = request.part;
  if (part == "clip-text") {
    run_clip_text(request, run);
  } else if (part == "clip-image") {
    run_clip_image(request);
  } else if (part == "viclip") {
    run_viclip(request, run);
  } else if (part == "yolov5") {
    run_yolov5(request);
  } else if (part == "frames") {
    run_frames(request);
  } else {
    return false;
  }
  return true;
}

}  // namespace dreamrunner
