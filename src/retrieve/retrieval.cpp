#include "retrieve/retrieval.h"

#include <fmt/format.h>

#include "base/error.h"
#include "retrieve/motion_search.h"

namespace dreamrunner {

Json deciding_values(const RetrievalSettings& settings) {
  Json values = {{"subject", settings.subject},
                 {"top", settings.top},
                 {"k1", settings.bm25.k1},
                 {"b", settings.bm25.b},
                 {"least_s", settings.limits.least_s},
                 {"least_frames", settings.limits.least_frames},
                 {"least_aspect", settings.limits.least_aspect},
                 {"cut", cut_mode_name(settings.cut.mode)}};
  if (settings.cut.mode != CutMode::off) {
    values["looks_per_s"] = settings.looks_per_s;
    values["confidence"] = settings.detection.confidence;
    values["overlap"] = settings.detection.overlap;
    values["track_overlap"] = settings.cut.tracks.least_overlap;
    values["longest_gap_s"] = settings.cut.tracks.longest_gap_s;
    values["least_seen"] = settings.cut.tracks.least_seen;
  }
  if (settings.cut.mode == CutMode::crop) {
    values["margin"] = settings.cut.margin;
    values["aspect"] = settings.cut.aspect;
  }
  values["clip_filter"] = settings.score;
  if (settings.score) {
    values["threshold"] = settings.threshold ? Json(*settings.threshold) : Json(nullptr);
    values["min_clips"] = settings.least;
  }
  values["max_clips"] = settings.most;
  return values;
}

std::string caption_query(const RetrievalSettings& settings, const std::string& motion) { return fmt::format("{} is {}", settings.subject, motion); }

std::string score_query(const RetrievalSettings& settings, const std::string& motion) { return fmt::format("the {} is {}", settings.subject, motion); }

std::map<ClipFate, int> fates_of(const Retrieval& retrieval) {
  std::map<ClipFate, int> counts;
  for (const Candidate& candidate : retrieval.candidates) ++counts[candidate.fate];
  return counts;
}

Retriever::Retriever(const Catalogue& catalogue, RetrievalSettings settings, ScoringModels models, const FeatureCache& cache, FileDigest digest)
    : catalogue_(catalogue), settings_(std::move(settings)), models_(std::move(models)), cache_(cache), digest_(std::move(digest)) {
  if (settings_.cut.mode != CutMode::off && models_.yolov5_print.empty()) {
    throw Error(ErrorKind::usage, "no detector, so nobody can be looked for in the clips", "name the folder of the scoring models (docs/scorers.md), or use --cut off");
  }
  if (settings_.score && models_.clip_print.empty() && models_.viclip_print.empty()) {
    throw Error(ErrorKind::usage, "neither CLIP nor ViCLIP, so the clips cannot be scored", "name the folder of the scoring models (docs/scorers.md), or use --no-clip-filter");
  }
}

Retrieval Retriever::retrieve(const std::string& motion, const std::set<uint64_t>& removed, RunContext& run) {
  return MotionSearch(catalogue_, settings_, models_, cache_, digest_, run).search(motion, removed);
}

std::vector<Candidate> missing_candidates(const Catalogue& catalogue, const RetrievalSettings& settings, const std::string& motion) {
  std::vector<Candidate> missing;
  for (Candidate& candidate : candidates_of(catalogue, settings, motion, {})) {
    if (candidate.fate == ClipFate::missing) missing.push_back(std::move(candidate));
  }
  return missing;
}

}  // namespace dreamrunner
