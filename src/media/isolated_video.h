#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/run_context.h"
#include "media/video_reader.h"

/// Videos of strangers. A decoder is hundreds of thousands of lines of C that parse whatever a file says; sooner or later a
/// file crashes it, hangs it or takes it over. So such a file is read by a process of its own, `dreamrunner_video_child`,
/// which is handed the open file, gives up all that decoding does not need before it looks at it (`lock_down`), and is thrown
/// away afterwards. What it answers is believed no more than the file (`wire::ReplyReader`).
///
/// Use `VideoReader` for videos that this program wrote, and these for all others. Starting costs about 30 ms a file.
namespace dreamrunner {

class IsolatedDecoder;

/// What decoding one file may cost, besides `VideoReadOptions`.
struct IsolationLimits {
  int64_t memory_bytes = int64_t{2} << 30;  ///< Of address space, FFmpeg's libraries (0.2 GiB) included.
  double silence_s = 10;                    ///< Without a packet or a picture, while somebody waits for one.
  double total_s = 300;                     ///< Of waiting in all, and of processor time. The caller's own time does not count.
  std::filesystem::path decoder;            ///< Another program to start; empty: `dreamrunner_video_child`.
};

/// Reads a video as `VideoReader` does, with the same pictures, times and messages.
///
/// Error(input_file) with the path is all that can be wrong with a file: what `VideoReader` says of it, "the decoder crashed
/// (signal 11)", "nothing decoded for 10 s", "decoding takes more than 300 s", an answer that makes no sense. Error(storage)
/// means that no file can be decoded (the decoder is missing or cannot be started), or that this one cannot be opened.
/// Error(interrupted) comes within a moment of `run`'s stop. After an error the object can only be destroyed.
///
/// One thread at a time. The process ends with the object, and with this process, whatever ends that.
class IsolatedVideo {
 public:
  explicit IsolatedVideo(const std::filesystem::path& path, const VideoReadOptions& options = {}, const IsolationLimits& limits = {},
                         const RunContext& run = {});
  ~IsolatedVideo();
  IsolatedVideo(IsolatedVideo&&) noexcept;
  IsolatedVideo& operator=(IsolatedVideo&&) noexcept;

  const VideoInfo& info() const;
  /// As `VideoReader::next`.
  bool next(Picture& picture, double& time_s);

 private:
  std::unique_ptr<IsolatedDecoder> decoder_;
};

/// As `read_video`.
Video read_isolated_video(const std::filesystem::path& path, const VideoReadOptions& options = {}, const IsolationLimits& limits = {},
                          const RunContext& run = {});

/// As `probe_video`, for pictures of any size.
VideoInfo probe_isolated_video(const std::filesystem::path& path, const IsolationLimits& limits = {}, const RunContext& run = {});

/// How well decoders are locked down on this machine.
struct IsolationState {
  bool filtered = false;  ///< A filter of system calls is in place; without one, limits alone hold the decoder.
  std::string why_not;
};

/// Starts a decoder and asks it. Throws Error(storage) where it cannot be started.
IsolationState isolation_state(const IsolationLimits& limits = {});

}  // namespace dreamrunner
