#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/run_context.h"
#include "catalogue/catalogue.h"
#include "retrieve/clip_attributes.h"
#include "retrieve/clip_cut.h"
#include "retrieve/clip_fate.h"
#include "stages/scorers.h"

namespace dreamrunner {

/// How the clips of a motion are chosen. The defaults are the paper's (A.1) where it says something; docs/retrieval.md
/// explains each.
struct RetrievalSettings {
  std::string subject = "person";   ///< Who does it: the query is "SUBJECT is MOTION".
  int top = 400;                    ///< Captions that are looked at.
  Bm25Settings bm25;
  AttributeLimits limits;
  CutSettings cut;
  DetectionSettings detection;      ///< Its labels are chosen by the subject.
  double looks_per_s = 12;          ///< How often people are looked for; at least every frame, at most.
  bool score = true;                ///< False: the first that come by caption are kept (the paper's Table 5).
  std::optional<double> threshold;  ///< Scores above it pass; empty: what the scoring models say, else 0.2.
  int most = 20;                    ///< Clips kept.
  int least = 4;                    ///< Kept by their rank where fewer pass.
};

/// Everything in `settings` that decides which clips are kept, by name.
Json deciding_values(const RetrievalSettings& settings);

/// "person is bowing": what captions are searched for.
std::string caption_query(const RetrievalSettings& settings, const std::string& motion);
/// "the person is bowing": what clips are scored against.
std::string score_query(const RetrievalSettings& settings, const std::string& motion);

/// A caption that the search found, and what was learnt of its clip up to the step that dropped it.
struct Candidate {
  Clip clip;
  double bm25 = 0;
  ClipFate fate = ClipFate::surplus;
  std::string reason;             ///< In words; empty for one that is kept as usual.
  std::optional<uint64_t> bytes;  ///< Size of the video when it was looked at.
  std::optional<ClipAttributes> whole;  ///< Of the clip as listed.
  std::optional<ClipAttributes> left;   ///< After cutting.
  int looks = 0;                  ///< Frames in which people were looked for.
  int seen = 0;                   ///< Those in which somebody was found.
  int people = 0;                 ///< Tracks.
  int first_frame = 0;            ///< Of the cut, in the clip's own frames.
  int end_frame = 0;
  double start_s = 0;             ///< Of the cut, in the video.
  std::optional<double> end_s;    ///< Empty: the end of the video.
  std::optional<Box> crop;        ///< Fractions of the frame.
  std::optional<double> clip_score;    ///< CLIP: mean cosine of 8 frames.
  std::optional<double> viclip_score;  ///< ViCLIP: cosine of the clip.
  std::optional<double> score;         ///< Their mean, or the one there is.
};

/// The answer for one motion.
struct Retrieval {
  std::string motion;
  std::string query;
  std::string text;                   ///< What scores are of; empty without scores.
  std::optional<double> threshold;    ///< Empty without scores.
  std::vector<Candidate> candidates;  ///< By rank of the caption.
  std::vector<size_t> kept;           ///< Best first: indices of `candidates`.
  std::vector<size_t> dropped_best;   ///< Those with a score that were dropped, best first.
  std::vector<std::string> notes;     ///< What a person should know ("2 of 40 clips passed 0.2 ...").
};

/// How many candidates met each fate.
std::map<ClipFate, int> fates_of(const Retrieval& retrieval);

/// The scoring models and what tells their weights apart; an empty print stands for a model that is not there.
struct ScoringModels {
  std::function<Scorers&()> open;  ///< Called when the first clip must be looked at; keeps them open.
  std::string clip_print;
  std::string viclip_print;
  std::string yolov5_print;
};

/// SHA-256 of a video's bytes; may remember.
using FileDigest = std::function<std::string(const std::filesystem::path&)>;

class FeatureCache;

/// Chooses clips. What was seen in a clip is kept in `cache` by content, so that a run that was stopped, or another film,
/// goes on from there: at most one clip's work is lost.
class Retriever {
 public:
  /// Keeps references. Throws Error(usage) where `settings` ask for a model that is not there.
  Retriever(const Catalogue& catalogue, RetrievalSettings settings, ScoringModels models, const FeatureCache& cache, FileDigest digest);

  /// `motion` in words ("picking up"); rows in `removed` are not kept. A video that cannot be read drops its clip. Throws
  /// Error(interrupted), Error(storage), and what the engine throws.
  Retrieval retrieve(const std::string& motion, const std::set<uint64_t>& removed, RunContext& run);

 private:
  const Catalogue& catalogue_;
  RetrievalSettings settings_;
  ScoringModels models_;
  const FeatureCache& cache_;
  FileDigest digest_;
};

/// What may be fetched for a motion: the candidates whose video is not there and that the list does not rule out, by rank.
std::vector<Candidate> missing_candidates(const Catalogue& catalogue, const RetrievalSettings& settings, const std::string& motion);

}  // namespace dreamrunner
