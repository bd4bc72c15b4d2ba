#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/lock_file.h"

namespace dreamrunner {

/// Where everything of a film lies. docs/film-folder.md shows the folder.
class FilmFolder {
 public:
  /// `film` is the folder or its film.toml. Throws Error(input_file) when it is not a film.
  explicit FilmFolder(const std::filesystem::path& film);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path settings_file() const { return root_ / "film.toml"; }
  std::filesystem::path state_folder() const { return root_ / ".dreamrunner"; }
  std::filesystem::path journal_file() const { return state_folder() / "journal.jsonl"; }
  std::filesystem::path lock_file() const { return state_folder() / "lock"; }

  /// Names of artefacts, relative to `root`; records carry these, so that a film folder can be moved. Scenes count from 1.
  static std::string latents_name(int scene);
  static std::string video_name(int scene);
  static std::string sheet_name(int scene);
  static std::string film_name() { return "film.mp4"; }

  /// Deletes what a killed run left half written. Call it with the lock held: then nobody else is writing.
  void sweep_temporaries() const;

 private:
  std::filesystem::path root_;
};

/// Keeps other runs out of a film folder while it lives. A run that recorded nothing in a new film takes the lock file away again.
class FolderLock {
 public:
  /// Throws Error(busy) with the holder's pid and host; Error(storage) when the folder cannot be written.
  explicit FolderLock(const FilmFolder& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  /// False when the lock file went away meanwhile and the attempt is to be repeated.
  bool try_to_hold();

  FilmFolder folder_;
  std::optional<LockFile> file_;
};

}  // namespace dreamrunner
