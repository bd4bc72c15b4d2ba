#pragma once

#include <string>

#include "media/canvas.h"

/// What all drawn pages have in common: contact sheets, previews of plans, sheets of retrievals.
namespace dreamrunner::sheet {

inline constexpr Colour kPaper = colour_from(0xFAFAF8);
inline constexpr Colour kInk = colour_from(0x1F2430);
inline constexpr Colour kSoftInk = colour_from(0x667085);
inline constexpr Colour kLine = colour_from(0xE4E4DF);

/// `text` on one line no wider than `room`, with an ellipsis where it is cut.
std::string fitted(Canvas& canvas, const std::string& text, const TextStyle& style, double room);

}  // namespace dreamrunner::sheet
