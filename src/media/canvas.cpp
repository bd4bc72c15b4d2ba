#include "media/canvas.h"

#include <cairo.h>

#include <algorithm>
#include <numbers>

#include <fmt/format.h>

#include "base/error.h"
#include "media/text_layout.h"

namespace dreamrunner {
namespace {

constexpr int kLargestSide = 32767;  ///< Of cairo's image surfaces.

void set_colour(cairo_t* context, const Colour& colour) {
  cairo_set_source_rgba(context, colour.red, colour.green, colour.blue, colour.cover);
}

void trace(cairo_t* context, const Area& area, double radius) {
  using std::numbers::pi;
  const double r = std::clamp(radius, 0.0, std::max(0.0, std::min(area.width, area.height) / 2));
  const double right = area.x + area.width;
  const double bottom = area.y + area.height;
  cairo_new_path(context);
  cairo_arc(context, right - r, area.y + r, r, -pi / 2, 0);
  cairo_arc(context, right - r, bottom - r, r, 0, pi / 2);
  cairo_arc(context, area.x + r, bottom - r, r, pi / 2, pi);
  cairo_arc(context, area.x + r, area.y + r, r, pi, 3 * pi / 2);
  cairo_close_path(context);
}

/// Everything that user or desktop settings could change is set.
void fix_text_rendering(cairo_t* context) {
  cairo_font_options_t* options = cairo_font_options_create();
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_SLIGHT);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  cairo_set_font_options(context, options);
  cairo_font_options_destroy(options);
}

void choose_font(cairo_t* context, const TextStyle& style) {
  cairo_select_font_face(context, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(context, style.size_px);
}

struct Surface {
  Surface(int width, int height) : handle(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height)) {
    if (const cairo_status_t status = cairo_surface_status(handle); status != CAIRO_STATUS_SUCCESS) {
      cairo_surface_destroy(handle);
      throw Error(ErrorKind::memory, fmt::format("picture of {} x {}: {}", width, height, cairo_status_to_string(status)));
    }
  }
  ~Surface() { cairo_surface_destroy(handle); }
  Surface(const Surface&) = delete;
  Surface& operator=(const Surface&) = delete;

  cairo_surface_t* handle;
};

/// cairo's pixels are 32-bit words 0x00RRGGBB.
uint32_t* row_of(const Surface& surface, int y) {
  return reinterpret_cast<uint32_t*>(cairo_image_surface_get_data(surface.handle) +
                                     static_cast<ptrdiff_t>(y) * cairo_image_surface_get_stride(surface.handle));
}

}  // namespace

struct Canvas::State {
  State(int width_, int height_) : width(width_), height(height_), surface(width_, height_), context(cairo_create(surface.handle)) {}
  ~State() { cairo_destroy(context); }

  int width;
  int height;
  Surface surface;
  cairo_t* context;
};

Canvas::Canvas(int width, int height, const Colour& background) {
  if (width < 1 || height < 1 || width > kLargestSide || height > kLargestSide) {
    throw Error(ErrorKind::usage, fmt::format("picture of {} x {}, sides from 1 to {} expected", width, height, kLargestSide));
  }
  state_ = std::make_unique<State>(width, height);
  set_colour(state_->context, background);
  cairo_paint(state_->context);
  fix_text_rendering(state_->context);
}

Canvas::~Canvas() = default;

double Canvas::text_width(const std::string& text, const TextStyle& style) {
  choose_font(state_->context, style);
  cairo_text_extents_t extents;
  cairo_text_extents(state_->context, printable_utf8(text).c_str(), &extents);
  return extents.x_advance;
}

void Canvas::draw_text(const std::string& text, double x, double y, const TextStyle& style) {
  choose_font(state_->context, style);
  set_colour(state_->context, style.colour);
  cairo_move_to(state_->context, x, y);
  cairo_show_text(state_->context, printable_utf8(text).c_str());
}

void Canvas::fill(const Area& area, double radius, const Colour& colour) {
  trace(state_->context, area, radius);
  set_colour(state_->context, colour);
  cairo_fill(state_->context);
}

void Canvas::outline(const Area& area, double radius, double line, const Colour& colour) {
  trace(state_->context, {area.x + line / 2, area.y + line / 2, area.width - line, area.height - line}, radius - line / 2);
  set_colour(state_->context, colour);
  cairo_set_line_width(state_->context, line);
  cairo_stroke(state_->context);
}

void Canvas::draw_picture(const Picture& picture, const Area& area) {
  const Surface source(picture.width, picture.height);
  cairo_surface_flush(source.handle);
  const uint8_t* rgb = picture.rgb.data();
  for (int y = 0; y < picture.height; ++y) {
    uint32_t* row = row_of(source, y);
    for (int x = 0; x < picture.width; ++x, rgb += 3) row[x] = uint32_t{rgb[0]} << 16 | uint32_t{rgb[1]} << 8 | rgb[2];
  }
  cairo_surface_mark_dirty(source.handle);

  cairo_t* context = state_->context;
  cairo_save(context);
  cairo_rectangle(context, area.x, area.y, area.width, area.height);
  cairo_clip(context);
  cairo_translate(context, area.x, area.y);
  cairo_scale(context, area.width / picture.width, area.height / picture.height);
  cairo_set_source_surface(context, source.handle, 0, 0);
  cairo_pattern_set_filter(cairo_get_source(context), CAIRO_FILTER_GOOD);
  cairo_pattern_set_extend(cairo_get_source(context), CAIRO_EXTEND_PAD);  // No fading at the edges.
  cairo_paint(context);
  cairo_restore(context);
}

void Canvas::clip(const Area& area, double radius) {
  cairo_save(state_->context);
  trace(state_->context, area, radius);
  cairo_clip(state_->context);
}

void Canvas::unclip() { cairo_restore(state_->context); }

Picture Canvas::picture() const {
  if (const cairo_status_t status = cairo_status(state_->context); status != CAIRO_STATUS_SUCCESS) {
    throw Error(status == CAIRO_STATUS_NO_MEMORY ? ErrorKind::memory : ErrorKind::bug,
                fmt::format("drawing: {}", cairo_status_to_string(status)));
  }
  cairo_surface_flush(state_->surface.handle);
  Picture result{state_->width, state_->height, {}};
  result.rgb.reserve(size_t{3} * static_cast<size_t>(state_->width) * static_cast<size_t>(state_->height));
  for (int y = 0; y < state_->height; ++y) {
    const uint32_t* row = row_of(state_->surface, y);
    for (int x = 0; x < state_->width; ++x) {
      for (const int shift : {16, 8, 0}) result.rgb.push_back(static_cast<uint8_t>(row[x] >> shift));
    }
  }
  return result;
}

}  // namespace dreamrunner
