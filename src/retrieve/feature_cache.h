#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/json.h"

namespace dreamrunner {

/// A folder of what was seen in clips, each below the hash of everything that decided it (bytes of the video, span, crop,
/// weights, settings): KEY[0..1]/KEY.json. Several runs and films may share one; an entry appears complete or not at all.
/// Deleting the folder costs only time.
class FeatureCache {
 public:
  explicit FeatureCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& folder() const { return folder_; }

  /// What was kept for `inputs`; nothing where there is nothing or what is there cannot be read. Notes the time of use.
  std::optional<Json> find(const Json& inputs) const;

  /// Throws Error(storage).
  void keep(const Json& inputs, const Json& value) const;

  /// Removes the entries whose last use is longest ago until at most `most_bytes` are left, and what killed runs left half
  /// written. Other runs may use the folder meanwhile: they look again at what has gone. A folder that cannot be tidied is
  /// left as it is.
  void tidy(uint64_t most_bytes) const;

 private:
  std::filesystem::path file_of(const Json& inputs) const;

  std::filesystem::path folder_;
};

/// The user's own: `$DREAMRUNNER_CACHE/features`, else `$XDG_CACHE_HOME/dreamrunner/features`, else
/// `~/.cache/dreamrunner/features`. Throws Error(usage) where none of them says a folder.
std::filesystem::path feature_cache_folder();

}  // namespace dreamrunner
