#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/run_context.h"
#include "film/film_project.h"
#include "film/prior_library.h"
#include "stages/stages.h"

namespace dreamrunner {

/// Called when something must be learnt, denoised or decoded, at most once a run; `open_engine` in the program.
using EngineOpener = std::function<Engine&()>;

/// Where a prior came from.
enum class PriorSource { learnt, reused, own_file };

/// "learnt", "reused" or "own file".
const char* prior_source_name(PriorSource source);

/// A prior that is there now.
struct PriorOutcome {
  PriorId id;
  std::string name;            ///< The motion in words, or the token.
  PriorSource source = PriorSource::reused;
  std::filesystem::path file;
  std::string hash;            ///< See FilmPrior.
  size_t examples = 0;
  LearnResult learning;        ///< Of what was learnt.
  double seconds = 0;          ///< Waiting for another run included.
};

struct ProvideOptions {
  bool force = false;  ///< Learn anew what is there.
  bool wait = true;    ///< For another run that learns the same; else Error(busy).
  int sample_every = 0;       ///< Steps between clips that show what is learnt so far, in `samples` beside the link; 0: none.
  std::string sample_prompt;  ///< What they show; empty: the first example's caption.
};

/// Sees to it that priors are there, each by one process at a time: takes them from the library when they are sound there,
/// learns them into it when they are not, and links the film's folder to them. A damaged one is kept aside and learnt again;
/// a file of a person's own is used as it is. A run may be stopped or killed at any instant; the next goes on.
class PriorProvider {
 public:
  PriorProvider(const FilmProject& film, const EngineOpener& engine, RunContext& run, ProvideOptions options = {});

  /// Throws Error(busy), Error(storage), Error(interrupted) and what the engine throws.
  PriorOutcome provide(const FilmPrior& prior) const;

  const PriorLibrary& library() const { return library_; }

 private:
  void learn(const FilmPrior& prior, PriorOutcome& outcome) const;
  LearnRequest request_for(const FilmPrior& prior) const;
  /// Throws Error(input_file) for a clip or picture that is no more what the prior's key says.
  void refuse_changed_examples(const FilmPrior& prior) const;
  void link(const FilmPrior& prior) const;

  const FilmProject& film_;
  const EngineOpener& engine_;
  RunContext& run_;
  ProvideOptions options_;
  PriorLibrary library_;
};

}  // namespace dreamrunner
