#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/run_context.h"
#include "media/frame_rate.h"
#include "media/frames.h"

namespace dreamrunner {

class VideoSink;  // video_library.h

struct VideoOptions {
  FrameRate rate;
  /// "title" becomes the film's title; every other pair becomes a line `key: value` of its comment, sorted by key.
  std::map<std::string, std::string> metadata;
  /// x264's constant rate factor: 13 keeps flat colours and the small pictures of small models free of visible loss.
  double crf = 13;
};

/// What was written. H.264 with chroma at half size needs even sides: an odd side is one longer than was asked, its last
/// column or line repeated. Pictures are never rescaled.
struct WrittenVideo {
  int width = 0;
  int height = 0;
  int64_t frames = 0;
  bool padded_column = false;
  bool padded_line = false;
};

/// Writes pictures to an mp4 as they come: H.264 (x264), yuv420p, index at the front, colours converted to BT.709 in
/// limited range and tagged so. The same pictures and options give the same bytes on every machine with the same
/// libraries, whatever its number of processors, locale or clock. The file appears under its name in `finish`, complete;
/// if that is never reached, nothing is left.
class VideoWriter {
 public:
  /// Sides from 1 to 16384. Throws Error(usage) for others, Error(storage) when the folder cannot be written to.
  VideoWriter(const std::filesystem::path& path, int width, int height, const VideoOptions& options);
  ~VideoWriter();
  VideoWriter(const VideoWriter&) = delete;
  VideoWriter& operator=(const VideoWriter&) = delete;

  /// Appends frames of the writer's size. Throws Error(storage), and Error(usage) for another size.
  void add(const FramesView& frames);
  /// Throws Error(usage) for a film without a frame, Error(storage). Call once.
  WrittenVideo finish();

 private:
  std::unique_ptr<VideoSink> sink_;
};

/// A whole film in one call. Throws Error(interrupted) as well, between frames.
WrittenVideo write_video(const std::filesystem::path& path, const FramesView& frames, const VideoOptions& options,
                         const RunContext& run = {});

}  // namespace dreamrunner
