#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/run_context.h"
#include "media/frames.h"
#include "media/video_writer.h"
#include "story/plan_types.h"

namespace dreamrunner {

/// How a plan is shown before it is generated.
struct PreviewOptions {
  int width = 720;  ///< Of the film in pixels; with `height` the shape of the drawn frames.
  int height = 480;
  bool linear = false;  ///< Boxes move between key frames (`interpolation = "linear"`) instead of standing.
  double seconds = 6;   ///< Of a scene in the video, 0.5 to 60.
  size_t first_scene = 0;
  size_t most_scenes = 24;  ///< More are left out, and the preview says how many.
};

/// Every scene of a plan on one sheet: its key frames with a box in one colour a character, motions, captions, narration.
/// The same plan gives the same bytes. Throws Error(usage) for a plan without scenes from `first_scene` on and for sizes
/// that are no film's (1 to 16384).
Picture draw_plan_preview(const Plan& plan, const PreviewOptions& options = {});

/// A film of the boxes at 8 frames a second: who is where when, with motions, narration and a bar of the key frames. Boxes
/// stand or move as they do in the film. Throws as `draw_plan_preview`, Error(storage), Error(interrupted).
WrittenVideo write_plan_preview_video(const std::filesystem::path& path, const Plan& plan, const PreviewOptions& options = {},
                                      const RunContext& run = {});

/// The same for a terminal `columns` wide, in ASCII but for the texts of the plan and an ellipsis where one
/// is cut: rows of small frames, a letter a
/// character (capital on the edge of its box, small inside), captions below. Ends with a line break.
std::string plan_preview_text(const Plan& plan, int columns = 80, const PreviewOptions& options = {});

}  // namespace dreamrunner
