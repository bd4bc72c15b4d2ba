#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/run_context.h"

namespace dreamrunner {

/// Seconds that only ever grow; tests hand in their own.
using Clock = std::function<double()>;

/// Takes finished text, in one piece so that nothing flickers.
using TextSink = std::function<void(std::string_view)>;

/// How a bar looks on this terminal.
struct BarStyle {
  std::function<int()> columns;  ///< Of the terminal right now.
  bool colour = false;
  bool unicode = false;
};

/// One line for a stage: name, bar, steps done, time left; at most `columns` - 1 wide, so that it never wraps.
std::string format_bar(std::string_view stage, int64_t done, int64_t total, double elapsed_s, const BarStyle& style, int64_t already = 0);

/// One line of text for a stage that goes on: "scene 1: denoising  12 of 50, 3.1 s so far, 9.8 s left".
std::string format_step(std::string_view stage, int64_t done, int64_t total, double elapsed_s, int64_t already = 0);

/// Draws the stage that began last as a bar on one line that is written over, at most ten times a second; a finished stage
/// leaves a line with the time it took. Notes go above the bar.
std::unique_ptr<Progress> make_bar_progress(TextSink sink, BarStyle style, Clock now_s);

/// Prints a line when a stage begins, every five seconds while it goes on, and when it ends.
std::unique_ptr<Progress> make_line_progress(TextSink sink, Clock now_s);

/// Prints one JSON object a line: `begin` and `end` with stage and seconds, `advance` with stage, done and total (at most
/// four a second, and the last one always), `note` with message.
std::unique_ptr<Progress> make_event_progress(TextSink sink, Clock now_s);

/// A line of JSON for an event; bytes that are not UTF-8 are replaced.
std::string event_line(const Json& event);

}  // namespace dreamrunner
