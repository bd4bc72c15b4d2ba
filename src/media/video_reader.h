#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "media/frame_rate.h"
#include "media/frames.h"

namespace dreamrunner {

class VideoSource;  // video_library.h

/// What a video file says of itself. Names are FFmpeg's ("h264", "yuv420p", "bt709"); "unknown" where nothing is said.
struct VideoInfo {
  std::string container;
  std::string codec;
  std::string pixel_format;
  int width = 0;  ///< As shown, after `rotation`.
  int height = 0;
  FrameRate rate{0, 1};  ///< The average; 0/1 when unknown.
  int64_t frames = 0;    ///< Packets counted in the file (`probe_video`), 0 from a `VideoReader`.
  std::string range;     ///< "tv" (limited) or "pc" (full).
  std::string matrix;
  std::string primaries;
  std::string transfer;
  int rotation = 0;       ///< Degrees clockwise that a player turns the stored pictures: 0, 90, 180 or 270.
  bool mirrored = false;  ///< And mirrors them left to right, before turning.
  std::map<std::string, std::string> metadata;
};

/// What reading may cost, and the part that is wanted: a window in time, and of its frames, numbered from 0, those that
/// `every` and `only` both name. Frames that are not wanted are decoded, since others lean on them, and cost nothing more;
/// reading ends with the last one wanted, so that what is wrong with the file behind it is not seen.
struct VideoReadOptions {
  int largest_side = 8192;
  int64_t most_frames = 100'000;
  int64_t most_bytes = int64_t{4} << 30;  ///< Of `read_video`'s pixels.
  double start_s = 0;                     ///< Frames at start_s <= time < end_s, counted from the first (`video_window.h`).
  double end_s = std::numeric_limits<double>::infinity();
  int every = 1;              ///< Frames whose number is a multiple of this.
  std::vector<int64_t> only;  ///< These frame numbers, ascending; those beyond the window are left out. Empty: all.

  /// Throws Error(usage) for values that mean nothing.
  void check() const;
  bool wants(int64_t number) const;
  /// Whether no frame from `number` on is wanted.
  bool done_at(int64_t number) const { return !only.empty() && number > only.back(); }
};

/// Reads a video file frame by frame, in the order of showing, as a player shows it: turned by its rotation, in RGB by its
/// colour tags (see `FilmToRgb` for files without). Pixel aspect is ignored and high dynamic range is not compressed.
/// Regular files only; nothing else is opened, whatever the file refers to. All errors are Error(input_file) with the path.
/// It decodes in this process, and is for videos that the program wrote itself; `IsolatedVideo` reads those of others.
class VideoReader {
 public:
  explicit VideoReader(const std::filesystem::path& path, const VideoReadOptions& options = {});
  ~VideoReader();
  VideoReader(const VideoReader&) = delete;
  VideoReader& operator=(const VideoReader&) = delete;

  const VideoInfo& info() const;
  /// The next frame, and its time from the first frame in seconds; false after the last. Times come from the file's time
  /// stamps; from the frame number and the rate where those are missing or do not increase.
  bool next(Picture& picture, double& time_s);

 private:
  std::unique_ptr<VideoSource> source_;
};

/// All frames of a file.
struct Video {
  VideoInfo info;               ///< `frames` is the number of those read.
  std::vector<uint8_t> pixels;  ///< frames x height x width x 3.
  std::vector<double> times_s;  ///< Of each frame, from the film's first.

  FramesView view() const { return {static_cast<int>(info.frames), info.height, info.width, pixels.data()}; }
};

/// Reads a whole file or a window of it.
Video read_video(const std::filesystem::path& path, const VideoReadOptions& options = {});

/// Describes a file without decoding its pictures; walks through it to count them.
VideoInfo probe_video(const std::filesystem::path& path);

}  // namespace dreamrunner
