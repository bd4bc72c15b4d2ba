#pragma once

#include <string>

#include "media/canvas.h"
#include "plan/preview.h"

/// The look that sheet and video share; only preview's own files include this.
namespace dreamrunner::preview {

inline constexpr Colour kPaper = colour_from(0xFAFAF8);
inline constexpr Colour kInk = colour_from(0x1F2430);
inline constexpr Colour kSoftInk = colour_from(0x667085);
inline constexpr Colour kStageLine = colour_from(0xDDE1E7);

/// The film's frame at 0, 0 with its longest side `longest` pixels long; whole pixels, at least one each way.
Area stage_of(const PreviewOptions& options, double longest);

/// An empty frame with lines at its thirds.
void draw_stage(Canvas& canvas, const Area& stage);

/// The pixels of a box on a stage.
Area area_on(const Area& stage, const Box& box);

/// `text` on one line no wider than `room`, with an ellipsis where it is cut.
std::string fitted(Canvas& canvas, const std::string& text, const TextStyle& style, double room);

}  // namespace dreamrunner::preview
