#pragma once

#include <set>
#include <string>

#include "base/run_context.h"
#include "catalogue/catalogue.h"
#include "retrieve/clip_look.h"
#include "retrieve/feature_cache.h"
#include "retrieve/retrieval.h"

namespace dreamrunner {

/// The clips whose captions speak of `motion`, as the catalogue alone tells them: taken out by hand, ruled out by the list,
/// missing, or to be looked at (then without a reason). None where no caption holds a word of the motion: "person" and "is"
/// alone would find everybody.
std::vector<Candidate> candidates_of(const Catalogue& catalogue, const RetrievalSettings& settings, const std::string& motion, const std::set<uint64_t>& removed);

/// One motion's way from captions to clips.
class MotionSearch {
 public:
  /// Keeps references.
  MotionSearch(const Catalogue& catalogue, const RetrievalSettings& settings, const ScoringModels& models, const FeatureCache& cache, const FileDigest& digest,
               RunContext& run)
      : catalogue_(catalogue), settings_(settings), models_(models), cache_(cache), digest_(digest), run_(run), detection_(settings.detection) {}

  /// Call once. See `Retriever::retrieve`.
  Retrieval search(const std::string& motion, const std::set<uint64_t>& removed);

 private:
  bool cuts() const { return settings_.cut.mode != CutMode::off; }
  void open_models();
  /// These two return true for a clip that may be kept, and else say in it why not.
  bool examine(Candidate& candidate);
  bool measure(Candidate& candidate);
  std::vector<ClipCut> cuts_of(const ClipLook& look, Candidate& candidate) const;
  /// Scores one cut of a clip. Of several people's the one that scores highest stays.
  void score(Candidate& candidate, const ClipCut& cut, const ClipLook& look, const std::string& digest);
  /// The first `most` that may be kept.
  void choose_by_rank();
  /// The best of the `good` that passed, or the best of all where too few did.
  void choose_by_score(size_t good);
  void keep(size_t index);

  const Catalogue& catalogue_;
  const RetrievalSettings& settings_;
  const ScoringModels& models_;
  const FeatureCache& cache_;
  const FileDigest& digest_;
  RunContext& run_;
  DetectionSettings detection_;
  Embeddings clip_text_, viclip_text_;
  Retrieval result_;
};

}  // namespace dreamrunner
