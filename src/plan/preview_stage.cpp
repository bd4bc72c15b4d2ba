#include "plan/preview_stage.h"

#include <algorithm>
#include <cmath>

#include "media/text_layout.h"

namespace dreamrunner::preview {

Area stage_of(const PreviewOptions& options, double longest) {
  const double scale = longest / std::max(options.width, options.height);
  return {0, 0, std::max(1.0, std::round(options.width * scale)), std::max(1.0, std::round(options.height * scale))};
}

void draw_stage(Canvas& canvas, const Area& stage) {
  canvas.fill(stage, 0, colour_from(0xEDEFF2));
  for (const double third : {1.0 / 3, 2.0 / 3}) {
    canvas.fill({std::round(stage.x + third * stage.width), stage.y, 1, stage.height}, 0, kStageLine);
    canvas.fill({stage.x, std::round(stage.y + third * stage.height), stage.width, 1}, 0, kStageLine);
  }
}

Area area_on(const Area& stage, const Box& box) {
  return {stage.x + box.left * stage.width, stage.y + box.top * stage.height, (box.right - box.left) * stage.width,
          (box.bottom - box.top) * stage.height};
}

}  // namespace dreamrunner::preview
