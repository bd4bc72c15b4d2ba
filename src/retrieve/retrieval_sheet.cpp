#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "media/canvas.h"
#include "media/sheet_style.h"
#include "retrieve/clip_pictures.h"
#include "retrieve/retrieval_report.h"

namespace dreamrunner {
namespace {

using sheet::kInk;
using sheet::kLine;
using sheet::kPaper;
using sheet::kSoftInk;

constexpr int kColumns = 2;
constexpr int kStripFrames = 4;
constexpr size_t kMostDropped = 8;
constexpr size_t kMostKept = 200;  ///< A picture has an end, and nobody looks further.
// Measures in pixels.
constexpr double kMargin = 36;
constexpr double kGap = 24;
constexpr double kStripHeight = 96;
constexpr double kFrameWidth = 144;
constexpr double kFrameGap = 4;
constexpr double kTextHeight = 46;
constexpr double kCellWidth = kStripFrames * (kFrameWidth + kFrameGap) - kFrameGap;
constexpr double kCellHeight = kStripHeight + kTextHeight;
constexpr double kHeadHeight = 84;
constexpr double kSectionHeight = 36;

constexpr Colour kGood = colour_from(0x1B7F4B);
constexpr Colour kBad = colour_from(0xB3261E);
constexpr TextStyle kTitle{23, true, kInk};
constexpr TextStyle kSubtitle{13.5, false, kSoftInk};
constexpr TextStyle kSection{15, true, kInk};
constexpr TextStyle kText{12.5, false, kSoftInk};

/// Four frames of what was kept of a clip, or would have been.
std::vector<Picture> strip_of(const Candidate& candidate, const RunContext& run) {
  if (!candidate.clip.video || candidate.end_frame <= candidate.first_frame) return {};
  std::vector<int> numbers = sample_frames(candidate.end_frame - candidate.first_frame, kStripFrames);
  for (int& number : numbers) number += candidate.first_frame;
  try {
    return clip_frames({*candidate.clip.video, candidate.clip.start_s, candidate.clip.end_s}, numbers, candidate.crop, run);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::input_file) throw;
    return {};
  }
}

/// The scores and what became of the clip, in one line.
std::string numbers_of(const Candidate& candidate) {
  std::string text;
  if (candidate.score) text = fmt::format("{:.3f}", *candidate.score);
  if (candidate.clip_score && candidate.viclip_score) text += fmt::format("   CLIP {:.3f}   ViCLIP {:.3f}", *candidate.clip_score, *candidate.viclip_score);
  if (!candidate.score) text = fmt::format("BM25 {:.2f}", candidate.bm25);
  if (candidate.left) text += fmt::format("   {:.1f} s", candidate.left->seconds());
  return text;
}

class SheetDrawer {
 public:
  SheetDrawer(Canvas& canvas, const RunContext& run) : canvas_(canvas), run_(run) {}

  double section(const std::string& title, const Retrieval& retrieval, const std::vector<size_t>& indices, double y) {
    if (indices.empty()) return y;
    canvas_.draw_text(title, kMargin, y + 20, kSection);
    y += kSectionHeight;
    for (size_t i = 0; i < indices.size(); ++i) {
      const double x = kMargin + static_cast<double>(i % kColumns) * (kCellWidth + kGap);
      run_.check();
      cell(retrieval.candidates[indices[i]], x, y + std::floor(static_cast<double>(i / kColumns)) * (kCellHeight + kGap));
      run_.report().advance(++drawn_);
    }
    return y + static_cast<double>((indices.size() + kColumns - 1) / kColumns) * (kCellHeight + kGap);
  }

 private:
  void cell(const Candidate& candidate, double x, double y) {
    const std::vector<Picture> pictures = strip_of(candidate, run_);
    for (int i = 0; i < kStripFrames; ++i) {
      const Area frame{x + i * (kFrameWidth + kFrameGap), y, kFrameWidth, kStripHeight};
      canvas_.fill(frame, 4, kLine);
      if (static_cast<size_t>(i) < pictures.size()) canvas_.draw_picture(pictures[static_cast<size_t>(i)], inside(frame, pictures[static_cast<size_t>(i)]));
    }
    const bool kept = candidate.fate == ClipFate::kept;
    const TextStyle numbers{13, true, kept ? kGood : kBad};
    const std::string scores = numbers_of(candidate);
    canvas_.draw_text(scores, x, y + kStripHeight + 18, numbers);
    const double after = canvas_.text_width(scores, numbers) + 16;
    const std::string why = sheet::fitted(canvas_, candidate.reason, kText, kCellWidth - after);
    canvas_.draw_text(why, x + after, y + kStripHeight + 18, kText);
    canvas_.draw_text(sheet::fitted(canvas_, fmt::format("{}  {}", candidate.clip.id, candidate.clip.caption), kText, kCellWidth), x, y + kStripHeight + 37, kText);
  }

  /// The largest area of the picture's shape in the middle of `frame`.
  static Area inside(const Area& frame, const Picture& picture) {
    const double scale = std::min(frame.width / picture.width, frame.height / picture.height);
    const double width = picture.width * scale, height = picture.height * scale;
    return {frame.x + (frame.width - width) / 2, frame.y + (frame.height - height) / 2, width, height};
  }

  Canvas& canvas_;
  const RunContext& run_;
  int64_t drawn_ = 0;
};

std::string subtitle_of(const Retrieval& retrieval) {
  std::string text = fmt::format("\"{}\": {} captions", retrieval.query, retrieval.candidates.size());
  for (const auto& [fate, count] : fates_of(retrieval)) text += fmt::format("  ·  {} {}", count, clip_fate_name(fate));
  if (retrieval.threshold) text += fmt::format("  ·  threshold {:.3g}", *retrieval.threshold);
  return text;
}

double section_height(size_t cells) {
  return cells == 0 ? 0 : kSectionHeight + static_cast<double>((cells + kColumns - 1) / kColumns) * (kCellHeight + kGap);
}

/// Of those dropped the best by score; without scores, those whose pictures were seen, by rank.
std::vector<size_t> best_dropped(const Retrieval& retrieval) {
  std::vector<size_t> chosen = retrieval.dropped_best;
  for (size_t i = 0; i < retrieval.candidates.size() && chosen.size() < kMostDropped; ++i) {
    const Candidate& candidate = retrieval.candidates[i];
    if (candidate.fate != ClipFate::kept && !candidate.score && candidate.left) chosen.push_back(i);
  }
  if (chosen.size() > kMostDropped) chosen.resize(kMostDropped);
  return chosen;
}

}  // namespace

Picture draw_retrieval(const Retrieval& retrieval, const RunContext& run) {
  const std::vector<size_t> dropped = best_dropped(retrieval);
  std::vector<size_t> kept = retrieval.kept;
  if (kept.size() > kMostKept) kept.resize(kMostKept);
  const double width = 2 * kMargin + kColumns * (kCellWidth + kGap) - kGap;
  const double height = kMargin + kHeadHeight + section_height(kept.size()) + section_height(dropped.size());
  Canvas canvas(static_cast<int>(width), static_cast<int>(height), kPaper);
  canvas.draw_text(fmt::format("{}: {} clips", retrieval.motion, retrieval.kept.size()), kMargin, kMargin + 22, kTitle);
  canvas.draw_text(subtitle_of(retrieval), kMargin, kMargin + 46, kSubtitle);
  run.report().begin(fmt::format("motion {}: drawing the sheet", retrieval.motion), static_cast<int64_t>(kept.size() + dropped.size()));
  SheetDrawer drawer(canvas, run);
  const double y = drawer.section(kept.size() < retrieval.kept.size() ? fmt::format("kept, the best {}", kept.size()) : "kept, best first", retrieval, kept, kMargin + kHeadHeight - 12);
  drawer.section("the best of those dropped", retrieval, dropped, y);
  run.report().end();
  return canvas.picture();
}

}  // namespace dreamrunner
