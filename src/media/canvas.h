#pragma once

#include <memory>
#include <string>
#include <vector>

#include "media/frames.h"

namespace dreamrunner {

/// Red, green, blue and cover, each 0..1.
struct Colour {
  double red = 0;
  double green = 0;
  double blue = 0;
  double cover = 1;
};

/// 0xRRGGBB.
constexpr Colour colour_from(unsigned rgb, double cover = 1) {
  return {((rgb >> 16) & 255) / 255.0, ((rgb >> 8) & 255) / 255.0, (rgb & 255) / 255.0, cover};
}

/// Place and size in pixels, y down.
struct Area {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

struct TextStyle {
  double size_px = 13;
  bool bold = false;
  Colour colour;
};

/// A picture to draw on (cairo). Text is set in DejaVu Sans, or in what the system has where that is missing, with fixed
/// smoothing and hinting: one machine draws the same bytes in every locale. Characters that the font lacks are boxes.
class Canvas {
 public:
  /// Throws Error(memory) when there is no room, Error(usage) for sides outside 1..32767.
  Canvas(int width, int height, const Colour& background);
  ~Canvas();
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  double text_width(const std::string& text, const TextStyle& style);
  /// Draws one line of text with its baseline at `y`.
  void draw_text(const std::string& text, double x, double y, const TextStyle& style);
  void fill(const Area& area, double radius, const Colour& colour);
  /// Draws an outline `line` pixels wide, inside `area`.
  void outline(const Area& area, double radius, double line, const Colour& colour);
  /// Draws a picture scaled to `area`, smoothly.
  void draw_picture(const Picture& picture, const Area& area);
  /// Until `unclip`, nothing outside `area` is drawn.
  void clip(const Area& area, double radius);
  void unclip();

  Picture picture() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dreamrunner
