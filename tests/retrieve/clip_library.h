#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "catalogue/catalogue.h"
#include "catalogue/catalogue_change.h"
#include "media/video_writer.h"
#include "support/synthetic_engine.h"
#include "support/temporary_folder.h"

namespace dreamrunner::test {

/// A video to make: a coloured room, and in some of its frames a red person who walks from left to right.
struct MadeClip {
  std::string name;              ///< Without .mp4.
  std::string caption;
  std::array<uint8_t, 3> room{0, 200, 0};
  int frames = 48;
  int first = 0;                 ///< The person is there from this frame
  int end = 1000;                ///< to before this one.
  int width = 96;
  int height = 64;
  int rate = 24;
};

inline std::vector<uint8_t> pixels_of(const MadeClip& clip) {
  std::vector<uint8_t> pixels;
  for (int f = 0; f < clip.frames; ++f) {
    const bool there = f >= clip.first && f < clip.end;
    const int left = 4 + f / 3, top = clip.height / 2 - 8;
    for (int y = 0; y < clip.height; ++y) {
      for (int x = 0; x < clip.width; ++x) {
        const bool person = there && x >= left && x < left + 12 && y >= top && y < top + 20;
        if (person) {
          pixels.insert(pixels.end(), {250, 0, 0});
        } else {
          pixels.insert(pixels.end(), clip.room.begin(), clip.room.end());
        }
      }
    }
  }
  return pixels;
}

inline void write_clip(const std::filesystem::path& folder, const MadeClip& clip) {
  const std::vector<uint8_t> pixels = pixels_of(clip);
  VideoOptions options;
  options.rate = {clip.rate, 1};
  options.metadata = {{"title", clip.name}};  // What looks alike is not the same file.
  make_folders(folder);
  write_video(folder / (clip.name + ".mp4"), {clip.frames, clip.height, clip.width, pixels.data()}, options);
}

/// A folder with clips and a catalogue of them.
class ClipLibrary {
 public:
  explicit ClipLibrary(const std::filesystem::path& folder) : folder_(folder) {}

  /// Writes the video and lists it. Ids are the names.
  void add(const MadeClip& clip) {
    write_clip(folder_, clip);
    list({{"id", clip.name}, {"path", clip.name + ".mp4"}, {"caption", clip.caption}, {"start", 0.0}, {"end", static_cast<double>(clip.frames) / clip.rate}});
  }
  /// Lists a row whose video is somebody else's business.
  void list(const Json& row) {
    make_folders(folder_);
    rows_.push_back(row);
  }

  /// Puts everything listed into the catalogue.
  void save() const {
    std::string text;
    for (const Json& row : rows_) text += row.dump() + "\n";
    write_file_atomic(folder_ / "list.jsonl", text);
    RunContext run;
    add_clips({.folder = catalogue(), .from = folder_ / "list.jsonl", .videos = folder_, .analyzer = {}, .before_step = {}}, run);
  }

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path catalogue() const { return folder_ / "catalogue"; }

 private:
  std::filesystem::path folder_;
  std::vector<Json> rows_;
};

/// Sees bowing in green rooms and waving in blue ones, and counts what it is asked.
class ColourScorers : public SyntheticScorers {
 public:
  Embeddings clip_frames(const SceneFrames& frames) override {
    ++clip_calls;
    clip_widths.push_back(frames.width);
    return SyntheticScorers::clip_frames(frames);
  }
  Embeddings viclip_clip(const SceneFrames& frames) override {
    ++viclip_calls;
    return SyntheticScorers::viclip_clip(frames);
  }
  Embeddings clip_text(const std::string& text) override {
    texts.push_back(text);
    const bool bowing = text.find("bowing") != std::string::npos;
    return {.width = 4, .values = {0, bowing ? 1.0f : 0.0f, bowing ? 0.0f : 1.0f, 0}};
  }
  Embeddings viclip_text(const std::string& text) override { return clip_text(text); }
  std::vector<Detection> detect(const SceneFrames& frames, const DetectionSettings& settings) override {
    looked += frames.frames;
    labels = settings.labels;
    if (on_detect) on_detect();
    return SyntheticScorers::detect(frames, settings);
  }
  ScorerFormat& told() { return format_; }

  int clip_calls = 0;
  int viclip_calls = 0;
  int looked = 0;
  std::vector<int> clip_widths;
  std::vector<int> labels;
  std::vector<std::string> texts;
  std::function<void()> on_detect;
};

}  // namespace dreamrunner::test
