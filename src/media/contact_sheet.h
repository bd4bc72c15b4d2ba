#pragma once

#include <string>
#include <vector>

#include "media/canvas.h"
#include "media/frames.h"

namespace dreamrunner {

/// A region drawn on a picture: fractions of its width and height, y down. What lies outside the picture is cut off; a box
/// that is empty, inverted or not finite is left out.
struct SheetBox {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
  int colour = 0;     ///< Index for `sheet_colour`: one a character.
  std::string label;  ///< In the box's corner; may be empty.
};

struct SheetCell {
  Picture picture;
  std::vector<SheetBox> boxes;
  std::string caption;  ///< Below the picture, such as "frame 3 · 0.38 s".
};

/// What a colour stands for.
struct SheetLegendEntry {
  int colour = 0;
  std::string name;  ///< Such as "witch · walking".
  std::string text;  ///< The region's caption.
};

/// A scene at a glance.
struct ContactSheet {
  std::string title;
  std::string subtitle;          ///< Such as "16 frames · 8 fps · seed 7"; may be empty.
  std::vector<SheetCell> cells;  ///< In the order of time; pictures of one size.
  std::vector<SheetLegendEntry> legend;
  std::string background;  ///< The caption of all that no region covers; may be empty.
};

/// Colours that differ well from each other and carry white text; they start again after the eighth.
Colour sheet_colour(int index);

/// Draws the sheet: title, pictures in a grid at a size that is pleasant to look at (small ones are enlarged by a whole
/// factor to about 288 pixels, large ones reduced to fit 360), regions, legend. Long texts wrap, very long ones end in an
/// ellipsis. Throws Error(usage) for more than 240 cells, none, or pictures of different sizes.
Picture draw_contact_sheet(const ContactSheet& sheet);

}  // namespace dreamrunner
