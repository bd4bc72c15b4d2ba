#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "media/contact_sheet.h"
#include "media/text_layout.h"
#include "plan/preview.h"
#include "plan/preview_cast.h"
#include "plan/preview_stage.h"

namespace dreamrunner {
namespace {

using namespace preview;

// Measures in pixels.
constexpr double kMargin = 36;          ///< As on contact sheets.
constexpr double kLongestSide = 288;    ///< Of a drawn key frame: four fit beside each other, six stand 3 + 3.
constexpr int kTallestPreview = 30000;  ///< Below cairo's limit for pictures.
constexpr int kMostFrames = 24;         ///< Of one scene; of more, some that stand for all.
constexpr size_t kMostCaptions = 12;    ///< In a scene's legend.
constexpr size_t kMostNames = 24;       ///< In the head.

constexpr TextStyle kTitle{28, true, kInk};
constexpr TextStyle kNote{13.5, false, kSoftInk};
constexpr TextStyle kName{13.5, true, kInk};

Colour tint(int index) {
  Colour colour = sheet_colour(index);
  colour.cover = 0.2;
  return colour;
}

/// A key frame as an empty stage in thirds, with the boxes' areas in their colours. Lines and labels are the contact
/// sheet's.
SheetCell draw_key_frame(const Cast& cast, const KeyFrame& frame, const PreviewOptions& options) {
  const Area stage = stage_of(options, kLongestSide);
  Canvas canvas(static_cast<int>(stage.width), static_cast<int>(stage.height), kPaper);
  draw_stage(canvas, stage);
  SheetCell cell;
  for (const SeenRegion& seen : seen_in(frame)) {
    const int colour = cast.index_of(*seen.region);
    const Box& box = seen.box;
    canvas.fill(area_on(stage, box), 6, tint(colour));
    cell.boxes.push_back({box.left, box.top, box.right, box.bottom, colour, label_of(cast, *seen.region)});
  }
  cell.picture = canvas.picture();
  return cell;
}

Picture draw_scene(const Cast& cast, const Scene& scene, size_t index, const PreviewOptions& options) {
  ContactSheet sheet;
  sheet.title = title_of(scene, index);
  sheet.subtitle = brief(scene.narration);
  sheet.background = brief(scene.background);
  const int count = static_cast<int>(scene.key_frames.size());
  for (const int frame : sample_frames(count, std::min(count, kMostFrames))) {
    sheet.cells.push_back(draw_key_frame(cast, scene.key_frames[static_cast<size_t>(frame)], options));
    sheet.cells.back().caption =
        count > kMostFrames ? fmt::format("key frame {} of {}", frame + 1, count) : fmt::format("key frame {}", frame + 1);
  }
  std::vector<CaptionSpan> captions = captions_of(cast, scene);
  const size_t left_out = captions.size() > kMostCaptions ? captions.size() - kMostCaptions : 0;
  captions.resize(captions.size() - left_out);
  for (const CaptionSpan& span : captions) {
    const std::string label = label_of(cast, *span.region);
    sheet.legend.push_back(
        {cast.index_of(*span.region), (label.empty() ? "" : label + " \u00b7 ") + brief(span.frames, 60), brief(span.region->caption)});
  }
  if (left_out > 0) sheet.subtitle += fmt::format("{}({} more captions are not listed)", sheet.subtitle.empty() ? "" : " ", left_out);
  return draw_contact_sheet(sheet);
}

std::string counted(size_t count, const char* what) { return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s"); }

/// Title, size, and what each colour means; as wide as the widest scene.
Picture draw_head(const Plan& plan, const Cast& cast, int width) {
  const double inner = width - 2 * kMargin;
  Canvas measure(1, 1, kPaper);
  const std::vector<std::string> title =
      wrap_text(brief(plan.title), inner, 2, [&](const std::string& line) { return measure.text_width(line, kTitle); });
  size_t key_frames = 0;
  for (const Scene& scene : plan.scenes) key_frames += scene.key_frames.size();

  // Names first find their places, then the head's height is known.
  struct Chip {
    double x, y;
    int colour;
    std::string name;
  };
  std::vector<Chip> chips;
  double x = kMargin, y = kMargin + 36.0 * static_cast<double>(title.size()) + 44;
  for (int i = 0; i < std::min<int>(cast.size(), static_cast<int>(kMostNames)); ++i) {
    std::string name = brief(cast.name(i), 60);
    if (static_cast<size_t>(i) < plan.characters.size()) {
      const Character& character = plan.characters[static_cast<size_t>(i)];
      name += character.token.empty() ? "" : " " + character.token;
    }
    name = fitted(measure, name, kName, std::min(260.0, inner - 24));
    const double room = measure.text_width(name, kName) + 18 + 26;
    if (x > kMargin && x + room > width - kMargin) {
      x = kMargin;
      y += 24;
    }
    chips.push_back({x, y, i, std::move(name)});
    x += room;
  }

  Canvas canvas(width, static_cast<int>(y + 12), kPaper);
  double baseline = kMargin + 26;
  for (const std::string& line : title) {
    canvas.draw_text(line, kMargin, baseline, kTitle);
    baseline += 36;
  }
  canvas.draw_text(
      counted(plan.scenes.size(), "scene") + " \u00b7 " + counted(key_frames, "key frame") + " \u00b7 a plan, nothing is generated yet",
      kMargin, baseline - 6, kNote);
  for (const Chip& chip : chips) {
    canvas.fill({chip.x, chip.y - 11, 12, 12}, 3, sheet_colour(chip.colour));
    canvas.draw_text(chip.name, chip.x + 18, chip.y, kName);
  }
  return canvas.picture();
}

}  // namespace

Picture draw_plan_preview(const Plan& plan, const PreviewOptions& options) {
  const SceneRange range = shown_scenes(plan, options);
  const Cast cast(plan);
  std::vector<Picture> parts;
  int width = 0, height = 0;
  size_t left_out = range.left_out;
  for (size_t i = range.first; i < range.last; ++i) {
    Picture scene = draw_scene(cast, plan.scenes[i], i, options);
    if (!parts.empty() && height + scene.height > kTallestPreview) {
      left_out += range.last - i;
      break;
    }
    width = std::max(width, scene.width);
    height += scene.height;
    parts.push_back(std::move(scene));
  }
  parts.insert(parts.begin(), draw_head(plan, cast, width));
  height += parts.front().height + (left_out > 0 ? 60 : 0);

  Canvas canvas(width, height, kPaper);
  double y = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) canvas.fill({kMargin, y, width - 2 * kMargin, 1}, 0, kStageLine);
    // A line below the rule, which the picture would cover.
    canvas.draw_picture(parts[i], {0, y + (i > 0 ? 1 : 0), static_cast<double>(parts[i].width), static_cast<double>(parts[i].height)});
    y += parts[i].height;
  }
  if (left_out > 0) canvas.draw_text("\u2026 and " + counted(left_out, "more scene"), kMargin, y + 24, kNote);
  return canvas.picture();
}

}  // namespace dreamrunner
