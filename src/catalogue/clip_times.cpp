#include "catalogue/clip_times.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// "3", "3.16", ".5": plain decimals only, neither signs nor exponents.
std::optional<double> parse_decimal(std::string_view text) {
  bool digits = false;
  int points = 0;
  for (const char c : text) {
    if (c == '.') ++points;
    else if (is_digit(c)) digits = true;
    else return std::nullopt;
  }
  if (!digits || points > 1 || text.size() > 32) return std::nullopt;
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> parse_whole(std::string_view text) {
  int64_t value = 0;
  if (text.empty() || text.size() > 9 || !is_digit(text[0])) return std::nullopt;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<Microseconds> clip_time_of(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds * 1e6 > static_cast<double>(kLatestTime)) return std::nullopt;
  return std::llround(seconds * 1e6);
}

std::optional<Microseconds> parse_clip_time(std::string_view text) {
  text = trimmed(text);
  int64_t before = 0;  // In units of what comes next.
  for (int parts = 0;; ++parts) {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
      const auto seconds = parse_decimal(text);
      if (!seconds || (parts > 0 && *seconds >= 60)) return std::nullopt;
      return clip_time_of(static_cast<double>(before) * 60 + *seconds);
    }
    const auto part = parse_whole(text.substr(0, colon));
    if (!part || parts == 2 || (parts == 1 && *part >= 60)) return std::nullopt;
    before = before * 60 + *part;
    text.remove_prefix(colon + 1);
  }
}

std::optional<Microseconds> parse_duration(std::string_view text) {
  text = trimmed(text);
  if (!text.starts_with("PT")) return parse_clip_time(text);
  text.remove_prefix(2);
  double seconds = 0;
  constexpr std::string_view kUnits = "HMS";
  constexpr double kSeconds[] = {3600, 60, 1};
  size_t next_unit = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const size_t at = text.find_first_of(kUnits);
    if (at == std::string_view::npos) return std::nullopt;
    const size_t unit = kUnits.find(text[at]);
    const auto value = parse_decimal(text.substr(0, at));
    if (!value || unit < next_unit) return std::nullopt;
    seconds += *value * kSeconds[unit];
    next_unit = unit + 1;
    text.remove_prefix(at + 1);
  }
  return clip_time_of(seconds);
}

std::string format_clip_time(Microseconds time) {
  std::string text = fmt::format("{}.{:06}", time / 1'000'000, time % 1'000'000);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

int64_t frame_at(double seconds, double fps) { return std::llround(seconds * fps); }

ClipSpan fit_to_video(const ClipSpan& span, Microseconds duration) {
  if (span.start >= duration) {
    throw Error(ErrorKind::input_file, fmt::format("the clip starts at {} s, the video ends at {} s", format_clip_time(span.start), format_clip_time(duration)));
  }
  if (!span.end || *span.end <= duration) return span;
  if (*span.end - duration > kMostOverrun) {
    throw Error(ErrorKind::input_file, fmt::format("the clip ends at {} s, the video at {} s", format_clip_time(*span.end), format_clip_time(duration)));
  }
  return {span.start, duration};
}

}  // namespace dreamrunner
