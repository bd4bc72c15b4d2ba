#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/descriptor.h"
#include "base/run_context.h"

namespace dreamrunner {

/// Where the decoder of its own process lies: in the folders where the loader looks for `libdreamrunner_video.so`, the build
/// folder or `lib/dreamrunner`. Throws Error(storage) when it is in none of them.
std::filesystem::path find_video_child();

/// A decoder's process, from its start to its end: the destructor kills it and takes its remains away.
class VideoChildProcess {
 public:
  /// How long to wait for it (see `IsolationLimits`).
  struct Patience {
    double silence_s;
    double total_s;
  };

  /// Starts `program` with `video` as its descriptor 3 and nothing else of ours: an empty environment but for LD_LIBRARY_PATH,
  /// which its loader needs, a process group of its own, so that a Ctrl-C is ours to handle. Throws Error(storage).
  VideoChildProcess(const std::filesystem::path& program, int video, const Patience& patience, const RunContext& run);
  ~VideoChildProcess();
  VideoChildProcess(const VideoChildProcess&) = delete;
  VideoChildProcess& operator=(const VideoChildProcess&) = delete;

  /// Sends all of a request. Throws as `read`.
  void write(std::string_view bytes);
  /// Waits for `size` bytes of the answer. Throws Error(input_file), without the name of a file, when they do not come: the
  /// process has ended (and how), is silent, or takes too long in all; Error(interrupted) once a stop is requested.
  void read(uint8_t* bytes, size_t size);

 private:
  using Clock = std::chrono::steady_clock;
  void wait_for(const Descriptor& end, short events);
  /// Takes the process's remains away, having killed it if it has not ended `grace` from now; its status as of waitpid.
  int reap(Clock::duration grace);
  [[noreturn]] void tell_end();

  Patience patience_;
  RunContext run_;
  pid_t pid_ = -1;
  Descriptor request_;  ///< Stays open: its end would end the process.
  Descriptor reply_;
  Clock::duration waited_{0};  ///< In all, by `wait_for`.
};

}  // namespace dreamrunner
