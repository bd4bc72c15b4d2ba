#pragma once

#include <cstdint>
#include <stop_token>
#include <string_view>

namespace dreamrunner {

/// Where long work reports how far it is. Implementations draw a bar, print lines or emit events; the default drops all.
/// Calls come from the thread that runs the work.
class Progress {
 public:
  virtual ~Progress() = default;
  /// Work called `stage` (such as "scene 2: denoising") begins, in `total` steps.
  virtual void begin(std::string_view stage, int64_t total);
  /// `done` of the steps announced by `begin` are done.
  virtual void advance(int64_t done);
  /// A few words about the step at hand, such as "loss 0.12", shown beside how far it is; the last call counts.
  virtual void detail(std::string_view words);
  /// The stage that began last is finished.
  virtual void end();
  /// Something a person should know and that is no error, such as a caption that was cut.
  virtual void note(std::string_view message);
};

/// What every long call is handed besides its arguments: a way to be stopped and a place to report progress.
struct RunContext {
  std::stop_token stop;
  Progress* progress = nullptr;  ///< Null: nobody listens.

  /// The listener, or one that drops everything.
  Progress& report() const;
  /// Throws Error(interrupted) once a stop is requested. Call it between steps.
  void check() const;
};

}  // namespace dreamrunner
