#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "media/video_writer.h"

namespace dreamrunner {

struct JoinedVideo {
  int64_t frames = 0;
  bool encoded_again = false;  ///< The parts were encoded differently, so that their packets could not be copied.
};

/// Joins films that `VideoWriter` wrote, one behind the other, to one film of exactly the sum of their frames at their
/// common rate. Packets are copied, so that nothing is lost, as long as the parts were encoded alike; otherwise all are
/// decoded and encoded again. `options.rate` is not used: the parts' is.
/// Throws Error(usage) for an empty list, Error(input_file) naming the part whose size or rate differs from the first's or
/// that cannot be read, Error(storage), Error(interrupted).
JoinedVideo join_videos(const std::vector<std::filesystem::path>& parts, const std::filesystem::path& path, const VideoOptions& options,
                        const RunContext& run = {});

}  // namespace dreamrunner
