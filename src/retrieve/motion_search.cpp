#include "retrieve/motion_search.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"
#include "catalogue/clip_times.h"
#include "retrieve/clip_scores.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace {

/// The paper's, for the published weights of CLIP and ViCLIP.
constexpr double kPaperThreshold = 0.2;
/// People of a clip whose cuts are scored; crowds are cut short.
constexpr size_t kMostCuts = 4;
/// Times that are written are rounded to this, well below a frame.
constexpr double kTimeGrain_s = 1e-4;

double rounded(double seconds) { return std::round(seconds / kTimeGrain_s) * kTimeGrain_s; }

ClipWindow window_of(const Clip& clip) { return {*clip.video, clip.start_s, clip.end_s}; }

double mean_cosine(const Embeddings& rows, const Embeddings& text) {
  double sum = 0;
  for (const float value : cosines(rows, text)) sum += value;
  return sum / rows.rows();
}

/// What a cut leaves of a clip.
ClipAttributes left_by(const ClipCut& cut, const ClipLook& look) {
  ClipAttributes left{cut.end - cut.first, look.rate, look.width, look.height};
  if (cut.crop) {
    left.width = static_cast<int>(std::lround((cut.crop->right - cut.crop->left) * look.width));
    left.height = static_cast<int>(std::lround((cut.crop->bottom - cut.crop->top) * look.height));
  }
  return left;
}

/// Where a cut begins and ends in the video: half-way between frames, so that rounding loses none; where it was not cut, as
/// the list has it.
void place_in_time(const ClipCut& cut, const ClipLook& look, Candidate& candidate) {
  const auto between = [&](int frame) {
    const auto f = static_cast<size_t>(frame);
    return rounded((look.times_s[f - 1] + look.times_s[f]) / 2);
  };
  candidate.first_frame = cut.first;
  candidate.end_frame = cut.end;
  candidate.start_s = cut.first > 0 ? between(cut.first) : candidate.clip.start_s;
  candidate.end_s = cut.end < look.frames() ? between(cut.end) : candidate.clip.end_s;
  candidate.crop = cut.crop;
}

int looks_with_somebody(const ClipLook& look) {
  std::set<int> seen;
  for (const Detection& one : look.detections) seen.insert(one.frame);
  return static_cast<int>(seen.size());
}

/// By falling score, equal ones by rank.
std::vector<size_t> by_score(const std::vector<Candidate>& candidates) {
  std::vector<size_t> order;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].score) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return *candidates[a].score > *candidates[b].score; });
  return order;
}

/// Throws Error(input_file) for a span that ends far past the video: the list is of another cut of it.
void check_span(const Clip& clip, const ClipLook& look, const RunContext& run) {
  if (!clip.end_s) return;
  const double duration_s = look.times_s.back() + (look.rate > 0 ? 1 / look.rate : 0);
  const Microseconds duration = clip_time_of(duration_s).value_or(kLatestTime);
  const Microseconds end = *clip_time_of(*clip.end_s);
  // Where the rate varies a picture may stay for seconds: the video goes on if there is another after it.
  if (end > duration + kMostOverrun && has_picture_from(*clip.video, *clip.end_s, run)) return;
  fit_to_video({*clip_time_of(clip.start_s), end}, duration);
}

/// What the list says of a clip rules it out before its video is looked for; empty where it does not.
std::string listed_fault(const Clip& clip, const AttributeLimits& limits) {
  if (clip.end_s && *clip.end_s - clip.start_s < limits.least_s - 1e-6) {
    return fmt::format("{:.2f} s by the list, at least {:g} s expected", *clip.end_s - clip.start_s, limits.least_s);
  }
  if (clip.width > 0 && clip.height > 0 && static_cast<double>(clip.width) / clip.height < limits.least_aspect - 1e-6) {
    return fmt::format("{} x {} px by the list, width / height of at least {:g} expected", clip.width, clip.height, limits.least_aspect);
  }
  return {};
}

/// Always false, so that a step can end with it.
bool drop(Candidate& candidate, ClipFate fate, std::string reason) {
  candidate.fate = fate;
  candidate.reason = std::move(reason);
  return false;
}

void place(const ClipCut& cut, const ClipLook& look, Candidate& candidate) {
  candidate.left = left_by(cut, look);
  place_in_time(cut, look, candidate);
}

/// A candidate as the catalogue alone tells it.
Candidate candidate_of(const Catalogue& catalogue, const ClipHit& hit, const RetrievalSettings& settings, const std::set<uint64_t>& removed) {
  Candidate candidate;
  candidate.clip = catalogue.clip(hit.row);
  candidate.bm25 = hit.score;
  candidate.start_s = candidate.clip.start_s;
  candidate.end_s = candidate.clip.end_s;
  if (removed.contains(hit.row)) {
    candidate.fate = ClipFate::removed;
    candidate.reason = "taken out by hand";
  } else if (const std::string fault = listed_fault(candidate.clip, settings.limits); !fault.empty()) {
    candidate.fate = ClipFate::attributes;
    candidate.reason = fault;
  } else if (!candidate.clip.video) {
    candidate.fate = ClipFate::missing;
    candidate.reason = fmt::format("no video of {}", candidate.clip.source);
  }
  return candidate;
}

}  // namespace

std::vector<Candidate> candidates_of(const Catalogue& catalogue, const RetrievalSettings& settings, const std::string& motion, const std::set<uint64_t>& removed) {
  const auto words = catalogue.words_of(motion);
  const bool known = std::any_of(words.begin(), words.end(), [](const auto& word) { return word.second > 0; });
  std::vector<Candidate> candidates;
  if (!known) return candidates;
  for (const ClipHit& hit : catalogue.search(caption_query(settings, motion), static_cast<size_t>(settings.top), settings.bm25)) {
    candidates.push_back(candidate_of(catalogue, hit, settings, removed));
  }
  return candidates;
}

Retrieval MotionSearch::search(const std::string& motion, const std::set<uint64_t>& removed) {
  result_.motion = motion;
  result_.query = caption_query(settings_, motion);
  if (settings_.score) result_.text = score_query(settings_, motion);
  result_.candidates = candidates_of(catalogue_, settings_, motion, removed);
  if (result_.candidates.empty()) {
    result_.notes.push_back(fmt::format("no caption holds a word of \"{}\"", motion));
    return std::move(result_);
  }
  open_models();
  run_.report().begin(fmt::format("motion {}: looking at clips", motion), static_cast<int64_t>(result_.candidates.size()));
  int good = 0;
  for (size_t i = 0; i < result_.candidates.size(); ++i) {
    run_.check();
    // Without scores the first good ones are kept, so that the others need not be looked at.
    if (!settings_.score && good >= settings_.most) break;
    good += examine(result_.candidates[i]) ? 1 : 0;
    run_.report().advance(static_cast<int64_t>(i + 1));
    run_.report().detail(fmt::format("{} good", good));
  }
  run_.report().end();
  if (settings_.score) {
    choose_by_score(static_cast<size_t>(good));
  } else {
    choose_by_rank();
  }
  return std::move(result_);
}

void MotionSearch::open_models() {
  if (!cuts() && !settings_.score) return;
  const ScorerFormat& format = models_.open().format();
  if (settings_.subject != "person") {
    const auto label = std::find(format.labels.begin(), format.labels.end(), settings_.subject);
    if (label != format.labels.end()) {
      detection_.labels = {static_cast<int>(label - format.labels.begin())};
    } else if (cuts()) {
      result_.notes.push_back(fmt::format("the detector does not know \"{}\": clips are cut to where it sees a {}", settings_.subject,
                                          static_cast<size_t>(format.person_label) < format.labels.size() ? format.labels[static_cast<size_t>(format.person_label)] : "person"));
    }
  }
  if (!settings_.score) return;
  const bool clip = !models_.clip_print.empty(), viclip = !models_.viclip_print.empty();
  if (clip) clip_text_ = models_.open().clip_text(result_.text);
  if (viclip) viclip_text_ = models_.open().viclip_text(result_.text);
  const std::optional<double>& own = clip && viclip ? format.threshold : clip ? format.clip_threshold : format.viclip_threshold;
  result_.threshold = settings_.threshold ? *settings_.threshold : own.value_or(kPaperThreshold);
}

bool MotionSearch::examine(Candidate& candidate) {
  if (!candidate.reason.empty()) return false;
  try {
    return measure(candidate);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::input_file) throw;
    // Another person in it may have been scored before.
    candidate.clip_score = candidate.viclip_score = candidate.score = std::nullopt;
    return drop(candidate, ClipFate::unreadable, error.what());
  }
}

bool MotionSearch::measure(Candidate& candidate) {
  const LookSettings look_settings{cuts(), settings_.looks_per_s, detection_, models_.yolov5_print};
  const std::filesystem::path& video = *candidate.clip.video;
  if (!is_utf8(video.string())) return drop(candidate, ClipFate::unreadable, "its path is not UTF-8, so that clips.json cannot name it");
  if (::access(video.c_str(), R_OK) != 0 && errno == EACCES) return drop(candidate, ClipFate::unreadable, fmt::format("{}: no permission to read it", video.string()));
  std::error_code code;
  const uint64_t bytes = std::filesystem::file_size(video, code);
  if (!code) candidate.bytes = bytes;
  const std::string digest = digest_(video);
  const ClipLook look = look_at(window_of(candidate.clip), digest, look_settings, models_.open, cache_, run_);
  candidate.whole = ClipAttributes{look.frames(), look.rate, look.width, look.height};
  candidate.looks = static_cast<int>(look.looks.size());
  candidate.seen = looks_with_somebody(look);
  check_span(candidate.clip, look, run_);
  if (const std::string fault = attribute_fault(*candidate.whole, settings_.limits); !fault.empty()) return drop(candidate, ClipFate::attributes, fault);
  std::vector<ClipCut> possible = cuts_of(look, candidate);
  if (possible.empty()) return drop(candidate, ClipFate::nobody, fmt::format("nobody found in {} frames", candidate.looks));
  place(possible.front(), look, candidate);
  std::string fault;
  std::erase_if(possible, [&](const ClipCut& cut) {
    const std::string found = attribute_fault(left_by(cut, look), settings_.limits);
    if (fault.empty()) fault = found;
    return !found.empty();
  });
  if (possible.empty()) return drop(candidate, ClipFate::cut, fmt::format("once cut: {}", fault));
  if (possible.size() > kMostCuts) possible.resize(kMostCuts);
  if (!settings_.score) {
    place(possible.front(), look, candidate);
    return true;
  }
  for (const ClipCut& cut : possible) score(candidate, cut, look, digest);
  return *candidate.score > *result_.threshold;
}

std::vector<ClipCut> MotionSearch::cuts_of(const ClipLook& look, Candidate& candidate) const {
  std::vector<double> looks_s;
  for (const int frame : look.looks) looks_s.push_back(look.times_s[static_cast<size_t>(frame)]);
  std::vector<PersonTrack> tracks;
  if (cuts()) tracks = track_people(look.detections, looks_s, settings_.cut.tracks);
  candidate.people = static_cast<int>(tracks.size());
  return possible_cuts({look.frames(), look.width, look.height, look.looks, looks_s}, tracks, settings_.cut);
}

void MotionSearch::score(Candidate& candidate, const ClipCut& cut, const ClipLook& look, const std::string& digest) {
  const FeaturePrints prints{models_.clip_print, models_.viclip_print};
  const SegmentFeatures features = features_of({window_of(candidate.clip), digest, cut.first, cut.end, cut.crop}, prints, models_.open, cache_, run_);
  std::optional<double> clip, viclip;
  if (features.clip.rows() > 0) clip = mean_cosine(features.clip, clip_text_);
  if (features.viclip.rows() > 0) viclip = mean_cosine(features.viclip, viclip_text_);
  const double score = clip && viclip ? (*clip + *viclip) / 2 : clip ? *clip : *viclip;
  if (candidate.score && *candidate.score >= score) return;
  candidate.score = score;
  candidate.clip_score = clip;
  candidate.viclip_score = viclip;
  place(cut, look, candidate);
}

void MotionSearch::keep(size_t index) {
  result_.candidates[index].fate = ClipFate::kept;
  result_.kept.push_back(index);
}

void MotionSearch::choose_by_rank() {
  const auto most = static_cast<size_t>(settings_.most);
  for (size_t i = 0; i < result_.candidates.size(); ++i) {
    Candidate& candidate = result_.candidates[i];
    if (!candidate.reason.empty()) continue;
    if (candidate.whole && result_.kept.size() < most) {
      keep(i);
    } else {
      drop(candidate, ClipFate::surplus, fmt::format("{} come before it", most));
    }
  }
}

void MotionSearch::choose_by_score(size_t good) {
  const auto most = static_cast<size_t>(settings_.most);
  const std::vector<size_t> order = by_score(result_.candidates);
  const size_t least = std::min(static_cast<size_t>(settings_.least), most);
  const bool few = good < least;
  const size_t taken = few ? std::min(least, order.size()) : std::min(most, good);
  for (size_t place = 0; place < order.size(); ++place) {
    Candidate& candidate = result_.candidates[order[place]];
    const bool passes = *candidate.score > *result_.threshold;
    if (place < taken) {
      keep(order[place]);
      if (!passes) candidate.reason = fmt::format("below {:.3g}, kept since only {} passed", *result_.threshold, good);
      continue;
    }
    result_.dropped_best.push_back(order[place]);
    if (passes) {
      drop(candidate, ClipFate::surplus, fmt::format("{} are better", most));
    } else {
      drop(candidate, ClipFate::score, fmt::format("score {:.3f}, above {:.3g} expected", *candidate.score, *result_.threshold));
    }
  }
  if (taken == 0 && !order.empty()) {
    result_.notes.push_back(fmt::format("0 of {} clips passed {:.3g}, the best has {:.3f}; none is kept", order.size(), *result_.threshold, *result_.candidates[order.front()].score));
  } else if (few && !order.empty()) {
    result_.notes.push_back(fmt::format("{} of {} clips passed {:.3g}, the best has {:.3f}; the best {} are kept", good, order.size(), *result_.threshold,
                                        *result_.candidates[order.front()].score, taken));
  }
}

}  // namespace dreamrunner
