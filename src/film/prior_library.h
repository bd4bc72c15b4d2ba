#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/lock_file.h"
#include "base/run_context.h"

namespace dreamrunner {

/// Where learnt priors are kept: `setting` seen from `film` where it is not empty, else `$DREAMRUNNER_PRIORS`, else
/// `$XDG_DATA_HOME/dreamrunner/priors`, else `~/.local/share/dreamrunner/priors`. Absolute. Throws Error(usage) where none of
/// them says a folder.
std::filesystem::path prior_library_folder(const std::filesystem::path& film, const std::string& setting);

/// True for the target of a link into a library, that is `.../KEY/prior.safetensors` with 64 hexadecimal digits.
bool is_library_link(const std::filesystem::path& target);

/// A folder of learnt priors that films share, each below its key:
///   KEY/prior.safetensors  the LoRA
///   KEY/record.json        its SHA-256 and size, and what it was learnt from
///   KEY/work/              the state of a training that has not ended
///   KEY/lock               held while it is learnt
///   cache/                 latents and text embeddings of what is learnt from
/// A prior counts when its record fits its bytes. The record is written last and taken away first.
class PriorLibrary {
 public:
  explicit PriorLibrary(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path folder(const std::string& key) const { return root_ / key; }
  std::filesystem::path file(const std::string& key) const { return folder(key) / "prior.safetensors"; }
  std::filesystem::path record_file(const std::string& key) const { return folder(key) / "record.json"; }
  std::filesystem::path work(const std::string& key) const { return folder(key) / "work"; }
  std::filesystem::path cache() const { return root_ / "cache"; }

  enum class State { missing, sound, damaged };
  /// Reads all of the prior's bytes. Throws Error(storage).
  State look(const std::string& key) const;

  /// After the file is complete under its name: writes the record and removes the training's state. `about` is what a person
  /// may want to know; `inputs` is what the key was made of.
  void record(const std::string& key, const Json& inputs, const Json& about) const;

  /// Before a damaged prior is learnt again: its record goes first, so that a crash leaves nothing that counts, and its bytes
  /// are kept aside. Returns where; empty where there were none.
  std::filesystem::path retire(const std::string& key) const;

  /// Removes what a killed run left half written. With the key's lock held.
  void sweep_temporaries(const std::string& key) const;

 private:
  std::filesystem::path root_;
};

/// Keeps other runs from learning the same prior while it lives.
class PriorLock {
 public:
  /// Waits while another process holds it, saying so once; with `wait` false throws Error(busy) instead. Throws
  /// Error(interrupted) and Error(storage). `label` names the prior in messages.
  PriorLock(const PriorLibrary& library, const std::string& key, const std::string& label, bool wait, RunContext& run);
  ~PriorLock();
  PriorLock(const PriorLock&) = delete;
  PriorLock& operator=(const PriorLock&) = delete;

 private:
  std::optional<LockFile> file_;
};

}  // namespace dreamrunner
