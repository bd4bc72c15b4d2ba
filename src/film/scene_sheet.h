#pragma once

#include <cstdint>

#include "media/contact_sheet.h"
#include "media/frames.h"
#include "story/plan_types.h"

namespace dreamrunner {

/// What a scene's contact sheet shows besides its pictures.
struct SheetFacts {
  int number = 0;  ///< Of the scene, from 1.
  int64_t seed = 0;
  double fps = 8;
};

/// Lays out a scene at a glance: pictures from every key frame's stretch with the boxes of that key frame drawn on them
/// (between key frames of a scene made with `linear` interpolation the regions themselves move; the sheet shows the plan),
/// a colour for each character, and the captions. A scene without regions is pictures and background.
ContactSheet scene_sheet(const Scene& scene, const FramesView& frames, const SheetFacts& facts);

}  // namespace dreamrunner
