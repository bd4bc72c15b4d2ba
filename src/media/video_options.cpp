#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "base/error.h"
#include "media/video_reader.h"

namespace dreamrunner {

void VideoReadOptions::check() const {
  const auto refuse = [](const std::string& why) { throw Error(ErrorKind::usage, "frames of a video: " + why); };
  if (every < 1) refuse(fmt::format("every {}th, 1 or more expected", every));
  if (!only.empty() && only.front() < 0) refuse(fmt::format("number {}, 0 or more expected", only.front()));
  const auto unordered = std::adjacent_find(only.begin(), only.end(), std::greater_equal<>());
  if (unordered != only.end()) refuse(fmt::format("number {} before {}, ascending numbers expected", *unordered, *std::next(unordered)));
}

bool VideoReadOptions::wants(int64_t number) const {
  return number % every == 0 && (only.empty() || std::binary_search(only.begin(), only.end(), number));
}

}  // namespace dreamrunner
