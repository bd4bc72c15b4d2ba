#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dreamrunner {

/// Times of clips are whole microseconds, so that "00:00:03.160" and 3.16 are the same.
using Microseconds = int64_t;

/// A time beyond which nothing is a clip: a year.
constexpr Microseconds kLatestTime = Microseconds{366} * 24 * 3600 * 1'000'000;

/// The stretch of a video that a clip is. Without an end it goes to the end of the file.
struct ClipSpan {
  Microseconds start = 0;
  std::optional<Microseconds> end;
  bool operator==(const ClipSpan&) const = default;
};

/// Reads "3.16", "01:02.5" (minutes) or "01:02:03.5" (hours); minutes and seconds behind a colon are below 60. Nothing for
/// anything else, or a time that is negative or after kLatestTime. Digits below a microsecond are rounded away.
std::optional<Microseconds> parse_clip_time(std::string_view text);

/// Reads a duration such as "PT00H01M18S" (ISO 8601 without days) or what parse_clip_time reads.
std::optional<Microseconds> parse_duration(std::string_view text);

/// The time of a number of seconds, rounded; nothing for what is negative, not finite or after kLatestTime.
std::optional<Microseconds> clip_time_of(double seconds);

inline double seconds_of(Microseconds time) { return static_cast<double>(time) / 1e6; }

/// "3.16": seconds with as many digits as they need.
std::string format_clip_time(Microseconds time);

/// The frame that is shown at `seconds` in a video of `fps` frames a second: 228.4 s is frame 5710 at 25 and 6852 at 30.
int64_t frame_at(double seconds, double fps);

/// A clip may be said to end this much after its video does, by rounding or by another cut of the same video.
constexpr Microseconds kMostOverrun = 500'000;

/// The part of `span` that a video of `duration` has: an end up to kMostOverrun past the video's becomes the video's end.
/// Throws Error(input_file), without a file's name, for a span that begins after the video's end or ends far past it.
ClipSpan fit_to_video(const ClipSpan& span, Microseconds duration);

}  // namespace dreamrunner
