#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "media/text_layout.h"
#include "plan/preview.h"
#include "plan/preview_cast.h"
#include "story/priors.h"

namespace dreamrunner {
namespace {

using preview::Cast;

constexpr int kGap = 2;          ///< Columns between frames.
constexpr int kLeastInner = 14;  ///< Columns inside a frame.
constexpr int kMostInner = 28;

/// Characters of UTF-8 text; what is wider or narrower than a column on some terminals is not known here.
double columns_of(const std::string& text) {
  return static_cast<double>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void append_wrapped(std::string& out, const std::string& text, int columns, const std::string& indent, int most_lines) {
  for (const std::string& line : wrap_text(text, std::max(8, columns - static_cast<int>(indent.size())), most_lines, columns_of))
    out += indent + line + '\n';
}

/// One key frame as lines of equal length: a border, and letters where boxes are.
std::vector<std::string> small_frame(const Cast& cast, const KeyFrame& frame, int columns, int rows) {
  const std::string edge = '+' + std::string(static_cast<size_t>(columns), '-') + '+';
  std::vector<std::string> inside(static_cast<size_t>(rows), std::string(static_cast<size_t>(columns), ' '));
  for (const preview::SeenRegion& seen : preview::seen_in(frame)) {
    const char letter = cast.letter(cast.index_of(*seen.region));
    const char small = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : '.';
    const auto cell = [](double edge_in_frame, int cells) { return static_cast<int>(std::lround(edge_in_frame * cells)); };
    // Whatever is in the frame has a cell, however small it is.
    const int left = std::min(cell(seen.box.left, columns), columns - 1), right = std::max(left + 1, cell(seen.box.right, columns));
    const int top = std::min(cell(seen.box.top, rows), rows - 1), bottom = std::max(top + 1, cell(seen.box.bottom, rows));
    for (int y = top; y < bottom; ++y) {
      for (int x = left; x < right; ++x) {
        const bool on_edge = y == top || y == bottom - 1 || x == left || x == right - 1;
        inside[static_cast<size_t>(y)][static_cast<size_t>(x)] = on_edge ? letter : small;
      }
    }
  }
  std::vector<std::string> lines{edge};
  for (const std::string& row : inside) lines.push_back('|' + row + '|');
  lines.push_back(edge);
  return lines;
}

/// Frames side by side, as many a row as fit, each under its number.
void append_frames(std::string& out, const Cast& cast, const Scene& scene, int columns, const PreviewOptions& options) {
  // As many as fit at a readable size, then as few as give the same number of rows: 8 stand 4 + 4 and gain room.
  const int count = static_cast<int>(scene.key_frames.size());
  const int fit = std::max(1, (columns + kGap) / (kLeastInner + 2 + kGap));
  const int lines_of_frames = (count + fit - 1) / fit;
  const int a_row = (count + lines_of_frames - 1) / lines_of_frames;
  const int inner = std::clamp((columns + kGap) / a_row - kGap - 2, kLeastInner, kMostInner);
  // A terminal's cell is about twice as high as wide.
  const int rows = std::clamp(static_cast<int>(std::lround(inner * static_cast<double>(options.height) / options.width / 2)), 3, 16);
  for (size_t first = 0; first < scene.key_frames.size(); first += static_cast<size_t>(a_row)) {
    const size_t last = std::min(scene.key_frames.size(), first + static_cast<size_t>(a_row));
    std::vector<std::string> lines(static_cast<size_t>(rows) + 3);
    for (size_t f = first; f < last; ++f) {
      const std::string gap(f > first ? kGap : 0, ' ');
      lines[0] += gap + fmt::format("{:<{}}", f + 1, inner + 2);
      const std::vector<std::string> frame = small_frame(cast, scene.key_frames[f], inner, rows);
      for (size_t i = 0; i < frame.size(); ++i) lines[i + 1] += gap + frame[i];
    }
    while (lines[0].ends_with(' ')) lines[0].pop_back();
    for (const std::string& line : lines) out += line + '\n';
  }
}

/// One line a caption: who, doing what, when.
void append_legend(std::string& out, const Cast& cast, const Scene& scene, int columns) {
  for (const preview::CaptionSpan& span : preview::captions_of(cast, scene)) {
    const PlannedRegion& region = *span.region;
    std::string line;
    if (!is_nothing(region.character)) line += region.character + ", ";
    if (!is_nothing(region.motion)) line += region.motion + ", ";
    std::string block;
    append_wrapped(block, line + span.frames + ": " + region.caption, columns, "   ", 3);
    block[0] = cast.letter(cast.index_of(region));
    out += block;
  }
  append_wrapped(out, "background: " + scene.background, columns, "   ", 2);
}

}  // namespace

std::string plan_preview_text(const Plan& plan, int columns, const PreviewOptions& options) {
  columns = std::clamp(columns, 20, 400);
  const preview::SceneRange range = preview::shown_scenes(plan, options);
  const Cast cast(plan);
  std::string out;
  append_wrapped(out, plan.title, columns, "", 2);
  for (size_t i = range.first; i < range.last; ++i) {
    const Scene& scene = plan.scenes[i];
    if (!out.empty()) out += '\n';
    append_wrapped(out, fmt::format("Scene {}{}", i + 1, scene.place.empty() ? "" : ": " + scene.place), columns, "", 2);
    append_wrapped(out, scene.narration, columns, "", 4);
    append_frames(out, cast, scene, columns, options);
    append_legend(out, cast, scene, columns);
  }
  if (range.left_out > 0) out += fmt::format("\n... and {} more scene{}\n", range.left_out, range.left_out == 1 ? "" : "s");
  return out;
}

}  // namespace dreamrunner
