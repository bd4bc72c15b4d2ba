#include "retrieve/clip_look.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "base/error.h"
#include "stages/stages.h"

namespace dreamrunner {
namespace {

// Pictures that go to the detector at once.
constexpr size_t kMostAtOnce = 16;
constexpr size_t kMostBytesAtOnce = size_t{64} << 20;

Json inputs_of(const ClipWindow& clip, const std::string& video_sha256, const LookSettings& settings) {
  Json inputs = {{"what", "look"}, {"video", video_sha256}, {"start", clip.start_s}, {"end", clip.end_s ? Json(*clip.end_s) : Json(nullptr)}};
  if (settings.detect) {
    inputs["detector"] = settings.detector_print;
    inputs["looks_per_s"] = settings.looks_per_s;
    inputs["confidence"] = settings.detection.confidence;
    inputs["overlap"] = settings.detection.overlap;
    inputs["labels"] = settings.detection.labels;
  }
  return inputs;
}

Json to_json(const ClipLook& look) {
  Json detections = Json::array();
  for (const Detection& one : look.detections) detections.push_back({one.frame, one.x0, one.y0, one.x1, one.y1, one.score, one.label});
  return {{"rate", look.rate}, {"width", look.width}, {"height", look.height}, {"times", look.times_s}, {"looks", look.looks}, {"detections", detections}};
}

bool is_sound(const ClipLook& look) {
  const int looks = static_cast<int>(look.looks.size());
  const bool has_frames = look.rate >= 0 && look.width > 0 && look.height > 0 && !look.times_s.empty() && std::is_sorted(look.times_s.begin(), look.times_s.end());
  const bool has_looks = std::is_sorted(look.looks.begin(), look.looks.end(), std::less_equal<>()) && (looks == 0 || (look.looks.front() >= 0 && look.looks.back() < look.frames()));
  return has_frames && has_looks && std::all_of(look.detections.begin(), look.detections.end(), [&](const Detection& one) { return one.frame >= 0 && one.frame < looks; });
}

/// Nothing for what this version would not have written; it is then looked at again.
std::optional<ClipLook> look_from(const Json& json) {
  try {
    ClipLook look;
    json.at("rate").get_to(look.rate);
    json.at("width").get_to(look.width);
    json.at("height").get_to(look.height);
    json.at("times").get_to(look.times_s);
    json.at("looks").get_to(look.looks);
    for (const Json& one : json.at("detections")) {
      look.detections.push_back({one.at(0), one.at(1), one.at(2), one.at(3), one.at(4), one.at(5), one.at(6)});
    }
    return is_sound(look) ? std::optional(std::move(look)) : std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

/// Gathers pictures for the detector and lets them go when it has seen them.
class Watcher {
 public:
  Watcher(const LookSettings& settings, const std::function<Scorers&()>& scorers, ClipLook& look) : settings_(settings), scorers_(scorers), look_(look) {}

  void see(const Picture& picture, int frame, double time_s) {
    if (look_.times_s.empty()) {
      look_.width = picture.width;
      look_.height = picture.height;
    }
    look_.times_s.push_back(time_s);
    if (!settings_.detect) return;
    if (frame == 0) due_s_ = time_s;
    if (time_s < due_s_ - kSlack_s) return;
    // The next look is due a period after this one was, so that a rate that is no multiple of theirs is met on average.
    const double period_s = 1.0 / settings_.looks_per_s;
    due_s_ = std::max(due_s_, time_s - period_s) + period_s;
    look_.looks.push_back(frame);
    batch_.height = picture.height;
    batch_.width = picture.width;
    batch_.pixels.insert(batch_.pixels.end(), picture.rgb.begin(), picture.rgb.end());
    ++batch_.frames;
    if (static_cast<size_t>(batch_.frames) == kMostAtOnce || batch_.pixels.size() + picture.rgb.size() > kMostBytesAtOnce) flush();
  }

  void flush() {
    if (batch_.frames == 0) return;
    const int first = static_cast<int>(look_.looks.size()) - batch_.frames;
    for (Detection one : scorers_().detect(batch_, settings_.detection)) {
      one.frame += first;
      look_.detections.push_back(one);
    }
    batch_ = {};
  }

 private:
  static constexpr double kSlack_s = 1e-4;  ///< Frames' times are rounded.

  const LookSettings& settings_;
  const std::function<Scorers&()>& scorers_;
  ClipLook& look_;
  double due_s_ = 0;  ///< When the next look is.
  SceneFrames batch_;
};

/// The rate of these frames. The file's is its average, or its highest: where it varies a part of it has another. It is taken where
/// the times are those of this rate but for their rounding, to milliseconds in Matroska, which would make 1.9997 s of 2 s.
double rate_of(const std::vector<double>& times_s, double file_rate) {
  constexpr double kRounding_s = 1.1e-3;
  if (times_s.size() < 2 || times_s.back() <= times_s.front()) return file_rate;
  const auto steps = static_cast<double>(times_s.size() - 1);
  const double span_s = times_s.back() - times_s.front();
  return file_rate > 0 && std::abs(steps / file_rate - span_s) <= kRounding_s ? file_rate : steps / span_s;
}

}  // namespace

ClipLook look_at(const ClipWindow& clip, const std::string& video_sha256, const LookSettings& settings, const std::function<Scorers&()>& scorers,
                 const FeatureCache& cache, const RunContext& run) {
  const Json inputs = inputs_of(clip, video_sha256, settings);
  if (const auto known = cache.find(inputs)) {
    if (auto look = look_from(*known)) return std::move(*look);
  }
  ClipLook look;
  Watcher watcher(settings, scorers, look);
  const double file_rate = walk_clip(clip, run, [&](const Picture& picture, int frame, double time_s) { watcher.see(picture, frame, time_s); });
  watcher.flush();
  if (look.times_s.empty()) throw Error(ErrorKind::input_file, fmt::format("{}: no picture from {:g} s on", clip.video.string(), clip.start_s));
  look.rate = rate_of(look.times_s, file_rate);
  cache.keep(inputs, to_json(look));
  return look;
}

}  // namespace dreamrunner
