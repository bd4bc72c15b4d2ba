#include "media/contact_sheet.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"
#include "media/sheet_style.h"
#include "media/text_layout.h"

namespace dreamrunner {
namespace {

using sheet::kInk;
using sheet::kLine;
using sheet::kPaper;
using sheet::kSoftInk;

// Measures in pixels.
constexpr double kMargin = 36;
constexpr double kGap = 18;            ///< Between pictures.
constexpr double kCaptionHeight = 30;  ///< Below a picture.
constexpr double kRadius = 8;
constexpr double kSwatch = 12;
constexpr double kLegendGap = 28;  ///< Between the legend's columns.
constexpr double kWidestGrid = 1240;
constexpr double kNarrowestSheet = 560;
constexpr size_t kMostCells = 240;

constexpr Colour kWhite = colour_from(0xFFFFFF);
constexpr TextStyle kTitle{23, true, kInk};
constexpr TextStyle kSubtitle{13.5, false, kSoftInk};
constexpr TextStyle kCaption{12.5, false, kSoftInk};
constexpr TextStyle kName{13.5, true, kInk};
constexpr TextStyle kText{13.5, false, kSoftInk};
constexpr TextStyle kTag{11.5, true, kWhite};

struct TextBlock {
  std::vector<std::string> lines;
  TextStyle style;
  double line_height() const { return std::round(style.size_px * 1.45); }
  double height() const { return line_height() * static_cast<double>(lines.size()); }
};

TextBlock wrap(Canvas& canvas, const std::string& text, const TextStyle& style, double width, int max_lines) {
  return {wrap_text(text, width, max_lines, [&](const std::string& line) { return canvas.text_width(line, style); }), style};
}

/// Draws a block with its top at `y`; returns where it ends.
double draw(Canvas& canvas, const TextBlock& block, double x, double y) {
  for (const std::string& line : block.lines) {
    canvas.draw_text(line, x, y + std::round(block.style.size_px * 1.08), block.style);
    y += block.line_height();
  }
  return y;
}

/// A legend entry laid out: name in bold, text below.
struct LegendBlock {
  Colour colour;
  bool filled;  ///< The background's swatch is an outline.
  TextBlock name;
  TextBlock text;
  double height() const { return name.height() + text.height() + 12; }
};

/// Where everything goes. Two passes: texts are measured before the sheet's height is known.
struct Layout {
  int columns = 1;
  double cell_width = 0;  ///< At least as wide as a caption needs.
  double picture_width = 0;
  double picture_height = 0;
  double width = 0;
  double height = 0;
  double grid_top = 0;
  double legend_top = 0;
  double legend_column = 0;  ///< Width of one of the legend's columns.
  int legend_columns = 1;
  TextBlock title;
  TextBlock subtitle;
  std::vector<LegendBlock> legend;
};

void size_pictures(Layout& layout, const Picture& picture) {
  const double longest = std::max(picture.width, picture.height);
  const double scale = longest > 360 ? 360 / longest : std::max(1.0, std::floor(288 / longest));
  layout.picture_width = std::max(1.0, std::round(picture.width * scale));
  layout.picture_height = std::max(1.0, std::round(picture.height * scale));
  layout.cell_width = std::max(layout.picture_width, 150.0);
}

/// As many columns as fit, then as few as give the same number of rows: 8 pictures stand 4 + 4, 6 stand 3 + 3.
void arrange_grid(Layout& layout, int cells) {
  const int fit = std::max(1, static_cast<int>((kWidestGrid + kGap) / (layout.cell_width + kGap)));
  const int rows = (cells + fit - 1) / fit;
  layout.columns = (cells + rows - 1) / rows;
  const double grid = layout.columns * (layout.cell_width + kGap) - kGap;
  layout.width = std::max(kNarrowestSheet, grid + 2 * kMargin);
}

/// Top of row `row` of the legend; the row below the last gives the legend's end.
double legend_row_top(const Layout& layout, size_t row) {
  double y = layout.legend_top;
  for (size_t i = 0; i < row * static_cast<size_t>(layout.legend_columns) && i < layout.legend.size();
       i += static_cast<size_t>(layout.legend_columns)) {
    double tallest = 0;
    for (size_t j = i; j < std::min(layout.legend.size(), i + static_cast<size_t>(layout.legend_columns)); ++j)
      tallest = std::max(tallest, layout.legend[j].height());
    y += tallest;
  }
  return y;
}

Layout lay_out(const ContactSheet& sheet, Canvas& measure) {
  Layout layout;
  const int cells = static_cast<int>(sheet.cells.size());
  size_pictures(layout, sheet.cells.front().picture);
  arrange_grid(layout, cells);
  const double inner = layout.width - 2 * kMargin;

  layout.title = wrap(measure, sheet.title, kTitle, inner, 2);
  layout.subtitle = wrap(measure, sheet.subtitle, kSubtitle, inner, 2);
  layout.grid_top = kMargin + layout.title.height() + layout.subtitle.height();
  if (layout.grid_top > kMargin) layout.grid_top += 16;

  const int rows = (cells + layout.columns - 1) / layout.columns;
  layout.legend_top = layout.grid_top + rows * (layout.picture_height + kCaptionHeight) + (rows - 1) * (kGap - 8);

  const size_t entries = sheet.legend.size() + (sheet.background.empty() ? 0 : 1);
  layout.legend_columns = inner > 1000 && entries > 2 ? 3 : inner > 620 && entries > 1 ? 2 : 1;
  layout.legend_column = (inner + kLegendGap) / layout.legend_columns - kLegendGap;
  const double text_width = layout.legend_column - kSwatch - 10;
  const auto add = [&](const Colour& colour, bool filled, const std::string& name, const std::string& text) {
    layout.legend.push_back({colour, filled, wrap(measure, name, kName, text_width, 2), wrap(measure, text, kText, text_width, 4)});
  };
  for (const SheetLegendEntry& entry : sheet.legend) add(sheet_colour(entry.colour), true, entry.name, entry.text);
  if (!sheet.background.empty()) add(kSoftInk, false, "background", sheet.background);

  layout.height = layout.legend_top + kMargin - 12;
  if (!layout.legend.empty()) {
    layout.legend_top += 26;  // Room for the rule above the legend.
    layout.height = legend_row_top(layout, layout.legend.size()) + kMargin - 12;
  }
  return layout;
}

bool overlap(const Area& a, const Area& b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/// The tag stands in the box's top left corner, inside the picture, below tags that are already there.
void draw_tag(Canvas& canvas, const std::string& label, const Area& box, const Area& picture, const Colour& colour,
              std::vector<Area>& tags) {
  const TextBlock text = wrap(canvas, label, kTag, std::max(20.0, picture.width - 14), 1);
  if (text.lines.empty()) return;
  const double width = std::ceil(canvas.text_width(text.lines.front(), kTag)) + 10;
  Area tag{std::round(box.x), std::round(box.y), width, 17};
  tag.x = std::max(picture.x, std::min(tag.x, picture.x + picture.width - width));
  tag.y = std::max(picture.y, std::min(tag.y, picture.y + picture.height - tag.height));
  for (size_t tries = 0; tries < tags.size(); ++tries) {
    for (const Area& other : tags) {
      if (overlap(tag, other)) tag.y = other.y + other.height + 1;
    }
  }
  canvas.fill(tag, 4, colour);
  canvas.draw_text(text.lines.front(), tag.x + 5, tag.y + 12.5, kTag);
  tags.push_back(tag);
}

void draw_boxes(Canvas& canvas, const std::vector<SheetBox>& boxes, const Area& picture) {
  struct Placed {
    Area area;
    const SheetBox* box;
  };
  std::vector<Placed> placed;
  for (const SheetBox& box : boxes) {
    const bool finite = std::isfinite(box.left) && std::isfinite(box.top) && std::isfinite(box.right) && std::isfinite(box.bottom);
    if (!finite) continue;
    // Clipped to the picture, so that a box that reaches over an edge keeps a line there.
    const double left = std::clamp(box.left, 0.0, 1.0), right = std::clamp(box.right, 0.0, 1.0);
    const double top = std::clamp(box.top, 0.0, 1.0), bottom = std::clamp(box.bottom, 0.0, 1.0);
    if (right <= left || bottom <= top) continue;
    placed.push_back({{picture.x + left * picture.width, picture.y + top * picture.height, (right - left) * picture.width,
                       (bottom - top) * picture.height},
                      &box});
  }
  canvas.clip(picture, kRadius);
  for (const Placed& item : placed) {
    canvas.outline(item.area, 6, 4, colour_from(0xFFFFFF, 0.75));  // A light seam shows the line on any ground.
    canvas.outline({item.area.x + 0.5, item.area.y + 0.5, item.area.width - 1, item.area.height - 1}, 6, 2.5,
                   sheet_colour(item.box->colour));
  }
  std::vector<Area> tags;
  for (const Placed& item : placed) draw_tag(canvas, item.box->label, item.area, picture, sheet_colour(item.box->colour), tags);
  canvas.unclip();
}

void draw_cell(Canvas& canvas, const Layout& layout, const SheetCell& cell, double x, double y) {
  const Area area{x + std::round((layout.cell_width - layout.picture_width) / 2), y, layout.picture_width, layout.picture_height};
  canvas.clip(area, kRadius);
  canvas.draw_picture(cell.picture, area);
  canvas.unclip();
  draw_boxes(canvas, cell.boxes, area);
  const TextBlock caption = wrap(canvas, cell.caption, kCaption, layout.cell_width, 1);
  draw(canvas, caption, area.x + 2, y + layout.picture_height + 6);
}

void draw_legend(Canvas& canvas, const Layout& layout) {
  canvas.fill({kMargin, layout.legend_top - 20, layout.width - 2 * kMargin, 1}, 0, kLine);
  for (size_t i = 0; i < layout.legend.size(); ++i) {
    const LegendBlock& block = layout.legend[i];
    const auto columns = static_cast<size_t>(layout.legend_columns);
    const double x = kMargin + static_cast<double>(i % columns) * (layout.legend_column + kLegendGap);
    const double y = legend_row_top(layout, i / columns);
    const Area swatch{x, y + 4, kSwatch, kSwatch};
    if (block.filled) {
      canvas.fill(swatch, 3, block.colour);
    } else {
      canvas.outline(swatch, 3, 1.5, block.colour);
    }
    const double below = draw(canvas, block.name, x + kSwatch + 10, y);
    draw(canvas, block.text, x + kSwatch + 10, below);
  }
}

void check_cells(const std::vector<SheetCell>& cells) {
  if (cells.empty() || cells.size() > kMostCells) {
    throw Error(ErrorKind::usage, fmt::format("contact sheet: {} pictures found, 1 to {} expected", cells.size(), kMostCells));
  }
  const Picture& first = cells.front().picture;
  for (const SheetCell& cell : cells) {
    if (cell.picture.width != first.width || cell.picture.height != first.height || first.width < 1 || first.height < 1) {
      throw Error(ErrorKind::usage, fmt::format("contact sheet: a picture of {} x {} beside one of {} x {}", cell.picture.width,
                                                cell.picture.height, first.width, first.height));
    }
  }
}

}  // namespace

Colour sheet_colour(int index) {
  static constexpr std::array<unsigned, 8> kColours = {0xE5484D, 0x3E63DD, 0x2B9A66, 0x8E4EC6, 0xDB6A00, 0x0C8599, 0xD6409F, 0x7A5C43};
  return colour_from(kColours[static_cast<unsigned>(index) % kColours.size()]);
}

Picture draw_contact_sheet(const ContactSheet& sheet) {
  check_cells(sheet.cells);
  Canvas measure(1, 1, kPaper);
  const Layout layout = lay_out(sheet, measure);
  Canvas canvas(static_cast<int>(std::ceil(layout.width)), static_cast<int>(std::ceil(layout.height)), kPaper);
  draw(canvas, layout.subtitle, kMargin, draw(canvas, layout.title, kMargin, kMargin));
  for (size_t i = 0; i < sheet.cells.size(); ++i) {
    const auto column = static_cast<double>(i % static_cast<size_t>(layout.columns));
    const auto row = static_cast<double>(i / static_cast<size_t>(layout.columns));
    draw_cell(canvas, layout, sheet.cells[i], kMargin + column * (layout.cell_width + kGap),
              layout.grid_top + row * (layout.picture_height + kCaptionHeight + kGap - 8));
  }
  if (!layout.legend.empty()) draw_legend(canvas, layout);
  return canvas.picture();
}

}  // namespace dreamrunner
