#include "media/isolated_video.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "media/read_whole.h"
#include "media/video_child_process.h"
#include "media/video_file.h"
#include "media/video_wire.h"

namespace dreamrunner {
namespace fs = std::filesystem;

/// A decoder at work on one file: its process, and the reader of what that says.
class IsolatedDecoder {
 public:
  IsolatedDecoder(const fs::path& path, int file, const wire::Request& request, const IsolationLimits& limits, const RunContext& run)
      : path_(path),
        program_(limits.decoder.empty() ? find_video_child() : limits.decoder),
        process_(program_, file, {limits.silence_s, limits.total_s}, run),
        reply_([this](uint8_t* bytes, size_t size) { process_.read(bytes, size); }, request.options) {
    try {
      wire::write_request([this](std::string_view bytes) { process_.write(bytes); }, request);
      hello_ = reply_.read_hello();
    } catch (const Error& error) {
      // It has not seen the file yet: the fault is its own, and the next file would fare no better.
      if (error.kind() != ErrorKind::input_file) throw;
      throw Error(ErrorKind::storage, fmt::format("{}: cannot be started: {}", program_.string(), error.what()),
                  "`dreamrunner_video_child --self-test` shows what it can do; build or install it together with the program");
    }
  }

  const wire::Hello& hello() const { return hello_; }
  const VideoInfo& info() const { return info_; }
  void read_info() {
    info_ = told([&] { return reply_.read_info(); });
  }
  bool next(Picture& picture, double& time_s) {
    if (ended_) return false;
    ended_ = !told([&] { return reply_.read_picture(picture, time_s); });
    if (ended_) return false;
    // The stream's header may differ from its pictures, which count.
    info_.width = picture.width;
    info_.height = picture.height;
    return true;
  }

 private:
  /// Runs `action`; what is wrong is said of the file.
  template <class Action>
  auto told(Action action) -> decltype(action()) {
    try {
      return action();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::input_file) throw;
      throw video_fault(path_, error.what());
    }
  }

  fs::path path_;
  fs::path program_;
  VideoChildProcess process_;
  wire::ReplyReader reply_;
  wire::Hello hello_;
  VideoInfo info_;
  bool ended_ = false;
};

namespace {

wire::Request request_for(wire::Task task, const VideoReadOptions& options, const IsolationLimits& limits) {
  options.check();
  return {task, options, limits.memory_bytes, std::max<int64_t>(1, std::llround(std::ceil(limits.total_s)))};
}

}  // namespace

IsolatedVideo::IsolatedVideo(const fs::path& path, const VideoReadOptions& options, const IsolationLimits& limits, const RunContext& run) {
  const VideoFile file(path);
  decoder_ = std::make_unique<IsolatedDecoder>(path, file.descriptor(), request_for(wire::Task::read, options, limits), limits, run);
  decoder_->read_info();
}

IsolatedVideo::~IsolatedVideo() = default;
IsolatedVideo::IsolatedVideo(IsolatedVideo&&) noexcept = default;
IsolatedVideo& IsolatedVideo::operator=(IsolatedVideo&&) noexcept = default;

const VideoInfo& IsolatedVideo::info() const { return decoder_->info(); }

bool IsolatedVideo::next(Picture& picture, double& time_s) { return decoder_->next(picture, time_s); }

Video read_isolated_video(const fs::path& path, const VideoReadOptions& options, const IsolationLimits& limits, const RunContext& run) {
  IsolatedVideo video(path, options, limits, run);
  return read_whole(video, path, options);
}

VideoInfo probe_isolated_video(const fs::path& path, const IsolationLimits& limits, const RunContext& run) {
  const VideoFile file(path);
  VideoReadOptions any_size;
  any_size.largest_side = std::numeric_limits<int>::max();
  IsolatedDecoder decoder(path, file.descriptor(), request_for(wire::Task::probe, any_size, limits), limits, run);
  decoder.read_info();
  return decoder.info();
}

IsolationState isolation_state(const IsolationLimits& limits) {
  // Any file will do, for it is not looked at.
  const VideoFile itself(limits.decoder.empty() ? find_video_child() : limits.decoder);
  const IsolatedDecoder decoder({}, itself.descriptor(), request_for(wire::Task::check, {}, limits), limits, {});
  return {decoder.hello().filtered, decoder.hello().why_not};
}

}  // namespace dreamrunner
