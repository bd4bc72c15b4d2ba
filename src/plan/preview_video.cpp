#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "media/contact_sheet.h"
#include "media/text_layout.h"
#include "plan/preview.h"
#include "plan/preview_cast.h"
#include "plan/preview_stage.h"

namespace dreamrunner {
namespace {

using namespace preview;

// Measures in pixels.
constexpr double kMargin = 20;
constexpr double kLongestSide = 512;  ///< Of the drawn frame.
constexpr double kHead = 52;          ///< Above it, for the scene's name.
constexpr double kFoot = 96;          ///< Below it, for the bar and the narration.
constexpr int kFramesPerSecond = 8;

constexpr Colour kBar = colour_from(0xC9CFD8);
constexpr TextStyle kTitle{18, true, kInk};
constexpr TextStyle kNote{12.5, false, kSoftInk};
constexpr TextStyle kCaption{11.5, false, colour_from(0x1F2430, 0.75)};
constexpr double kCaptionLine = 15;
constexpr TextStyle kTag{12, true, colour_from(0xFFFFFF)};

/// Where everything stands; the same for all frames of the film, with even sides for the video.
struct Frame {
  int width;
  int height;
  Area stage;
};

Frame lay_out(const PreviewOptions& options) {
  Area stage = stage_of(options, kLongestSide);
  const auto even = [](double side) { return 2 * static_cast<int>(std::ceil(side / 2)); };
  const int width = even(std::max(stage.width, 320.0) + 2 * kMargin);
  stage.x = std::round((width - stage.width) / 2);
  stage.y = kHead;
  return {width, even(kHead + stage.height + kFoot), stage};
}

void draw_region(Canvas& canvas, const Area& stage, const Cast& cast, const SeenRegion& seen) {
  const Colour colour = sheet_colour(cast.index_of(*seen.region));
  const Area area = area_on(stage, seen.box);
  canvas.fill(area, 7, {colour.red, colour.green, colour.blue, 0.22});
  canvas.outline(area, 7, 2.5, colour);
}

/// In the box's top left corner, inside the stage and below labels that are there already. Returns where it is; an empty
/// area for nobody doing nothing.
Area draw_label(Canvas& canvas, const Area& stage, const Cast& cast, const SeenRegion& seen, std::vector<Area>& labels) {
  const std::string text = fitted(canvas, label_of(cast, *seen.region), kTag, std::max(20.0, stage.width - 16));
  if (text.empty()) return {};
  const Area box = area_on(stage, seen.box);
  Area label{box.x + 4, box.y + 4, std::ceil(canvas.text_width(text, kTag)) + 12, 19};
  label.x = std::max(stage.x, std::min(label.x, stage.x + stage.width - label.width));
  label.y = std::min(label.y, stage.y + stage.height - label.height);
  for (const Area& other : labels) {
    const bool apart = other.x >= label.x + label.width || label.x >= other.x + other.width || other.y >= label.y + label.height ||
                       label.y >= other.y + other.height;
    if (!apart) label.y = other.y + other.height + 2;
  }
  canvas.fill(label, 5, sheet_colour(cast.index_of(*seen.region)));
  canvas.draw_text(text, label.x + 6, label.y + 14, kTag);
  labels.push_back(label);
  return label;
}

/// Below its label, as much as the box holds.
void draw_caption(Canvas& canvas, const Area& stage, const SeenRegion& seen, const Area& label) {
  const Area box = area_on(stage, seen.box);
  const double room = box.width - 14, top = label.height > 0 ? std::max(box.y, label.y + label.height) : box.y;
  const int lines = static_cast<int>((box.y + box.height - top - 8) / kCaptionLine);
  if (room < 40 || lines < 1) return;
  double y = top + kCaptionLine;
  for (const std::string& line : wrap_text(brief(seen.region->caption, 120), room, lines,
                                           [&](const std::string& text) { return canvas.text_width(text, kCaption); })) {
    canvas.draw_text(line, box.x + 7, y, kCaption);
    y += kCaptionLine;
  }
}

/// A piece for each key frame, the part that has passed filled.
void draw_bar(Canvas& canvas, const Frame& frame, size_t key_frames, double passed) {
  const double x = kMargin, width = frame.width - 2 * kMargin, y = frame.stage.y + frame.stage.height + 12;
  const double piece = width / static_cast<double>(key_frames);
  const double gap = piece > 6 ? 3 : 0;
  for (size_t i = 0; i < key_frames; ++i) canvas.fill({x + piece * static_cast<double>(i), y, piece - gap, 6}, 3, kBar);
  canvas.clip({x, y, width * passed, 6}, 0);
  for (size_t i = 0; i < key_frames; ++i) canvas.fill({x + piece * static_cast<double>(i), y, piece - gap, 6}, 3, kInk);
  canvas.unclip();
}

Picture draw_moment(const Frame& frame, const Plan& plan, const Cast& cast, size_t index, int64_t at, int64_t count, bool linear) {
  const Scene& scene = plan.scenes[index];
  Canvas canvas(frame.width, frame.height, kPaper);
  const double inner = frame.width - 2 * kMargin;
  const std::string number = fmt::format("key frame {} / {}", key_frame_at(scene, at, count) + 1, scene.key_frames.size());
  const double number_width = canvas.text_width(number, kNote);
  canvas.draw_text(fitted(canvas, title_of(scene, index), kTitle, inner - number_width - 16), kMargin, 33, kTitle);
  canvas.draw_text(number, frame.width - kMargin - number_width, 33, kNote);

  const Area& stage = frame.stage;
  canvas.clip(stage, 10);
  draw_stage(canvas, stage);
  const std::vector<SeenRegion> seen = seen_at(scene, at, count, linear);
  for (const SeenRegion& one : seen) draw_region(canvas, stage, cast, one);
  std::vector<Area> labels;
  for (const SeenRegion& one : seen) draw_caption(canvas, stage, one, draw_label(canvas, stage, cast, one, labels));
  canvas.unclip();

  draw_bar(canvas, frame, scene.key_frames.size(), static_cast<double>(at + 1) / static_cast<double>(count));
  double y = stage.y + stage.height + 40;
  for (const std::string& line :
       wrap_text(brief(scene.narration), inner, 2, [&](const std::string& text) { return canvas.text_width(text, kNote); })) {
    canvas.draw_text(line, kMargin, y, kNote);
    y += 18;
  }
  canvas.draw_text(fitted(canvas, "background: " + brief(scene.background, 120), kNote, inner), kMargin, y, kNote);
  return canvas.picture();
}

}  // namespace

WrittenVideo write_plan_preview_video(const std::filesystem::path& path, const Plan& plan, const PreviewOptions& options,
                                      const RunContext& run) {
  const SceneRange range = shown_scenes(plan, options);
  if (!(options.seconds >= 0.5 && options.seconds <= 60)) {
    throw Error(ErrorKind::usage, fmt::format("preview: {} seconds a scene, 0.5 to 60 expected", options.seconds));
  }
  const Cast cast(plan);
  const Frame frame = lay_out(options);
  const int64_t count = std::llround(options.seconds * kFramesPerSecond);
  VideoOptions video;
  video.rate = {kFramesPerSecond, 1};
  video.metadata["title"] = plan.title.empty() ? "Preview of a plan" : brief(plan.title) + " (preview of the plan)";
  VideoWriter writer(path, frame.width, frame.height, video);
  run.report().begin("preview", count * static_cast<int64_t>(range.last - range.first));
  int64_t done = 0;
  for (size_t scene = range.first; scene < range.last; ++scene) {
    for (int64_t at = 0; at < count; ++at) {
      run.check();
      const Picture moment = draw_moment(frame, plan, cast, scene, at, count, options.linear);
      writer.add(view_of(moment));
      run.report().advance(++done);
    }
  }
  run.report().end();
  return writer.finish();
}

}  // namespace dreamrunner
