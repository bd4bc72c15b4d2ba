#pragma once

#include <string>

#include "media/canvas.h"
#include "media/sheet_style.h"
#include "plan/preview.h"

/// The look that sheet and video share; only preview's own files include this.
namespace dreamrunner::preview {

using sheet::fitted;
using sheet::kInk;
using sheet::kPaper;
using sheet::kSoftInk;
inline constexpr Colour kStageLine = colour_from(0xDDE1E7);

/// The film's frame at 0, 0 with its longest side `longest` pixels long; whole pixels, at least one each way.
Area stage_of(const PreviewOptions& options, double longest);

/// An empty frame with lines at its thirds.
void draw_stage(Canvas& canvas, const Area& stage);

/// The pixels of a box on a stage.
Area area_on(const Area& stage, const Box& box);

}  // namespace dreamrunner::preview
