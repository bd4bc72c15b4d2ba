#include "retrieve/clip_scores.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "media/frames.h"
#include "stages/stages.h"

namespace dreamrunner {
namespace {

Json inputs_of(const Segment& segment, const char* model, const std::string& print) {
  const std::optional<Box>& crop = segment.crop;
  return {{"what", model},
          {"weights", print},
          {"video", segment.video_sha256},
          {"start", segment.clip.start_s},
          {"end", segment.clip.end_s ? Json(*segment.clip.end_s) : Json(nullptr)},
          {"frames", {segment.first, segment.end}},
          {"crop", crop ? Json{crop->left, crop->top, crop->right, crop->bottom} : Json(nullptr)}};
}

std::optional<Embeddings> embeddings_from(const std::optional<Json>& json) {
  if (!json) return std::nullopt;
  try {
    Embeddings rows{.width = json->at("width"), .values = json->at("values")};
    if (rows.width > 0 && !rows.values.empty() && rows.values.size() % static_cast<size_t>(rows.width) == 0) return rows;
  } catch (const nlohmann::json::exception&) {  // NOLINT(bugprone-empty-catch): looked at again
  }
  return std::nullopt;
}

/// The numbers of `wanted` within the sorted `numbers`, as frames of a film of their own.
SceneFrames gather(const std::vector<Picture>& pictures, const std::vector<int>& numbers, const std::vector<int>& wanted) {
  SceneFrames frames{.frames = static_cast<int>(wanted.size()), .height = pictures.front().height, .width = pictures.front().width, .pixels = {}};
  for (const int number : wanted) {
    const auto place = std::lower_bound(numbers.begin(), numbers.end(), number) - numbers.begin();
    const std::vector<uint8_t>& rgb = pictures[static_cast<size_t>(place)].rgb;
    frames.pixels.insert(frames.pixels.end(), rgb.begin(), rgb.end());
  }
  return frames;
}

}  // namespace

SegmentFeatures features_of(const Segment& segment, const FeaturePrints& prints, const std::function<Scorers&()>& scorers, const FeatureCache& cache,
                            const RunContext& run) {
  const bool has_clip = !prints.clip.empty(), has_viclip = !prints.viclip.empty();
  const Json clip_inputs = inputs_of(segment, "clip", prints.clip), viclip_inputs = inputs_of(segment, "viclip", prints.viclip);
  std::optional<Embeddings> clip = has_clip ? embeddings_from(cache.find(clip_inputs)) : std::nullopt;
  std::optional<Embeddings> viclip = has_viclip ? embeddings_from(cache.find(viclip_inputs)) : std::nullopt;
  std::vector<int> for_clip, for_viclip;
  if (has_clip && !clip) for_clip = sample_frames(segment.end - segment.first, kClipFrames);
  if (has_viclip && !viclip) for_viclip = scorers().viclip_looks_at(segment.end - segment.first);
  if (!for_clip.empty() || !for_viclip.empty()) {
    std::vector<int> numbers;
    for (std::vector<int>* list : {&for_clip, &for_viclip}) {
      for (int& number : *list) number += segment.first;
      numbers.insert(numbers.end(), list->begin(), list->end());
    }
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    const std::vector<Picture> pictures = clip_frames(segment.clip, numbers, segment.crop, run);
    if (!for_clip.empty()) {
      clip = scorers().clip_frames(gather(pictures, numbers, for_clip));
      cache.keep(clip_inputs, {{"width", clip->width}, {"values", clip->values}});
    }
    if (!for_viclip.empty()) {
      viclip = scorers().viclip_clip(gather(pictures, numbers, for_viclip));
      cache.keep(viclip_inputs, {{"width", viclip->width}, {"values", viclip->values}});
    }
  }
  return {clip.value_or(Embeddings{}), viclip.value_or(Embeddings{})};
}

}  // namespace dreamrunner
