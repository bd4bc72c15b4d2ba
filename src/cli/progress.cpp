#include "cli/progress.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "cli/terminal_text.h"

namespace dreamrunner {
namespace {

constexpr double kBarPause_s = 0.1;
constexpr double kLinePause_s = 5;
constexpr double kEventPause_s = 0.25;
constexpr double kNoTime_s = 0.02;
constexpr int kWidestBar = 32;
constexpr int kNarrowestBar = 8;

double fraction(int64_t done, int64_t total) {
  return total <= 0 ? 0 : std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
}

/// Time left if the rest goes as what was done since the beginning went; negative while nothing is known. `already`: what an
/// earlier run had done.
double time_left(int64_t done, int64_t total, double elapsed_s, int64_t already) {
  if (done <= already || total <= 0 || done >= total) return -1;
  return elapsed_s / static_cast<double>(done - already) * static_cast<double>(total - done);
}

/// `cells` columns of bar. Unicode has eighths of a cell, so that it moves smoothly.
std::string bar(double part, int cells, bool unicode) {
  std::string text;
  if (!unicode) {
    const int full = static_cast<int>(part * cells);
    return std::string(static_cast<size_t>(full), '#') + std::string(static_cast<size_t>(cells - full), '.');
  }
  static constexpr const char* kEighths[] = {"░", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(part * cells * 8);
  for (int cell = 0; cell < cells; ++cell) {
    const int here = std::clamp(eighths - cell * 8, 0, 8);
    text += here == 8 ? "█" : kEighths[here];
  }
  return text;
}

/// The stages that have begun and not ended, the innermost last, with what all three listeners need of them.
class StagedProgress : public Progress {
 public:
  StagedProgress(TextSink sink, Clock now_s) : sink_(std::move(sink)), now_s_(std::move(now_s)) {}

  void begin(std::string_view stage, int64_t total) final {
    stages_.push_back({printable(stage), total, 0, now_s_()});
    last_shown_s_ = now_s_();
    began(stages_.back());
  }

  void advance(int64_t done) final {
    if (stages_.empty()) return;
    Stage& stage = stages_.back();
    const double now = now_s_();
    // Many steps in no time were not done now.
    if (stage.done == 0 && done > 1 && now - stage.start_s < kNoTime_s) stage.already = done;
    stage.done = done;
    const bool complete = stage.total > 0 && done >= stage.total;
    if (now - last_shown_s_ < pause_s() && !(complete && shows_last())) return;
    last_shown_s_ = now;
    advanced(stage, now - stage.start_s);
  }

  void detail(std::string_view words) final {
    if (!stages_.empty()) stages_.back().detail = printable(words);
  }

  void end() final {
    if (stages_.empty()) return;
    const Stage stage = stages_.back();
    stages_.pop_back();
    ended(stage, now_s_() - stage.start_s);
  }

 protected:
  struct Stage {
    std::string name;
    int64_t total;
    int64_t done;
    double start_s;
    int64_t already = 0;
    std::string detail{};
    std::string shown() const { return detail.empty() ? name : fmt::format("{}, {}", name, detail); }
  };

  virtual void began(const Stage& stage) = 0;
  virtual void advanced(const Stage& stage, double elapsed_s) = 0;
  virtual void ended(const Stage& stage, double elapsed_s) = 0;
  virtual double pause_s() const = 0;
  /// Whether the last step is shown however short the pause was.
  virtual bool shows_last() const { return true; }

  const Stage* current() const { return stages_.empty() ? nullptr : &stages_.back(); }
  double now_s() const { return now_s_(); }
  void write(std::string_view text) const { sink_(text); }

 private:
  TextSink sink_;
  Clock now_s_;
  std::vector<Stage> stages_;
  double last_shown_s_ = 0;
};

class BarProgress final : public StagedProgress {
 public:
  BarProgress(TextSink sink, BarStyle style, Clock now_s) : StagedProgress(std::move(sink), std::move(now_s)), style_(std::move(style)) {}
  /// An error's message starts on a line of its own.
  ~BarProgress() override {
    if (drawn_) write("\n");
  }

  void note(std::string_view message) override {
    write(fmt::format("{}note: {}\n", drawn_ ? kRestart : "", one_line(message)));
    drawn_ = false;
    if (const Stage* stage = current()) draw(*stage, now_s() - stage->start_s);
  }

 private:
  // To the first column, and the line cleared.
  static constexpr const char* kRestart = "\r\x1b[K";

  void began(const Stage& stage) override { draw(stage, 0); }
  void advanced(const Stage& stage, double elapsed_s) override { draw(stage, elapsed_s); }
  double pause_s() const override { return kBarPause_s; }

  void ended(const Stage& stage, double elapsed_s) override {
    const std::string line = fit_width(fmt::format("{}  {}", stage.shown(), format_duration(elapsed_s)), style_.columns() - 1);
    write(fmt::format("{}{}\n", drawn_ ? kRestart : "", line));
    drawn_ = false;
    if (const Stage* outer = current()) draw(*outer, now_s() - outer->start_s);
  }

  void draw(const Stage& stage, double elapsed_s) {
    write(fmt::format("{}{}", kRestart, format_bar(stage.shown(), stage.done, stage.total, elapsed_s, style_, stage.already)));
    drawn_ = true;
  }

  BarStyle style_;
  bool drawn_ = false;
};

class LineProgress final : public StagedProgress {
 public:
  using StagedProgress::StagedProgress;
  void note(std::string_view message) override { write(fmt::format("note: {}\n", one_line(message))); }

 private:
  void began(const Stage& stage) override { write(stage.name + "\n"); }
  void advanced(const Stage& stage, double elapsed_s) override {
    write(format_step(stage.shown(), stage.done, stage.total, elapsed_s, stage.already) + "\n");
  }
  void ended(const Stage& stage, double elapsed_s) override {
    write(fmt::format("{}  done in {}\n", stage.shown(), format_duration(elapsed_s)));
  }
  double pause_s() const override { return kLinePause_s; }
  // The line of the end says it.
  bool shows_last() const override { return false; }
};

class EventProgress final : public StagedProgress {
 public:
  using StagedProgress::StagedProgress;
  void note(std::string_view message) override { write(event_line({{"event", "note"}, {"message", message}})); }

 private:
  void began(const Stage& stage) override { write(event_line({{"event", "begin"}, {"stage", stage.name}, {"total", stage.total}})); }
  void advanced(const Stage& stage, double elapsed_s) override {
    Json event = {
        {"event", "advance"}, {"stage", stage.name}, {"done", stage.done}, {"total", stage.total}, {"elapsed_s", rounded(elapsed_s)}};
    const double left = time_left(stage.done, stage.total, elapsed_s, stage.already);
    if (left >= 0) event["left_s"] = rounded(left);
    if (!stage.detail.empty()) event["detail"] = stage.detail;
    write(event_line(event));
  }
  void ended(const Stage& stage, double elapsed_s) override {
    write(event_line({{"event", "end"}, {"stage", stage.name}, {"elapsed_s", rounded(elapsed_s)}}));
  }
  double pause_s() const override { return kEventPause_s; }
  static double rounded(double seconds) { return std::round(seconds * 1000) / 1000; }
};

}  // namespace

std::string format_bar(std::string_view stage, int64_t done, int64_t total, double elapsed_s, const BarStyle& style, int64_t already) {
  const int columns = std::max(style.columns() - 1, 1);
  if (total <= 0) return fit_width(stage, columns);
  const double left = time_left(done, total, elapsed_s, already);
  std::string tail = fmt::format(" {}/{}", done, total);
  if (left >= 0) tail += fmt::format("  {} left", format_duration(left));
  // On a narrow terminal the bar gives way first, then the name; the numbers stay.
  const int cells = std::min(columns - text_width(stage) - text_width(tail) - 2, kWidestBar);
  if (cells < kNarrowestBar) return fit_width(fit_width(stage, std::max(columns - text_width(tail), 0)) + tail, columns);
  const std::string drawn = bar(fraction(done, total), cells, style.unicode);
  return fmt::format("{}  {}{}{}{}", stage, style.colour ? "\x1b[36m" : "", drawn, style.colour ? "\x1b[0m" : "", tail);
}

std::string format_step(std::string_view stage, int64_t done, int64_t total, double elapsed_s, int64_t already) {
  if (total <= 0) return fmt::format("{}  {} so far", stage, format_duration(elapsed_s));
  std::string text = fmt::format("{}  {} of {}, {} so far", stage, done, total, format_duration(elapsed_s));
  const double left = time_left(done, total, elapsed_s, already);
  if (left >= 0) text += fmt::format(", {} left", format_duration(left));
  return text;
}

std::unique_ptr<Progress> make_bar_progress(TextSink sink, BarStyle style, Clock now_s) {
  return std::make_unique<BarProgress>(std::move(sink), std::move(style), std::move(now_s));
}

std::unique_ptr<Progress> make_line_progress(TextSink sink, Clock now_s) {
  return std::make_unique<LineProgress>(std::move(sink), std::move(now_s));
}

std::unique_ptr<Progress> make_event_progress(TextSink sink, Clock now_s) {
  return std::make_unique<EventProgress>(std::move(sink), std::move(now_s));
}

std::string event_line(const Json& event) { return event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace dreamrunner
