#include "film/film_folder.h"

#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/path_kind.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

std::string scene_file(int scene, const char* name) { return fmt::format("scenes/{:02}/{}", scene, name); }

}  // namespace

FilmFolder::FilmFolder(const fs::path& film) {
  const fs::path absolute = fs::absolute(film).lexically_normal();
  const fs::file_status status = look_at(absolute);
  if (!fs::exists(status)) {
    throw Error(ErrorKind::input_file, fmt::format("{}: no such film", film.string()), "name a folder that holds film.toml");
  }
  if (fs::is_directory(status)) {
    root_ = absolute.has_filename() ? absolute : absolute.parent_path();
  } else if (absolute.filename() == "film.toml") {
    root_ = absolute.parent_path();
  } else {
    throw Error(ErrorKind::input_file, fmt::format("{}: not a film", film.string()), "name a folder that holds film.toml");
  }
  if (!is_there(settings_file())) {
    throw Error(ErrorKind::input_file, fmt::format("{}: not a film, it holds no film.toml", root_.string()),
                "write one, docs/film-folder.md shows it; every key has a default, so it may be empty");
  }
}

std::string FilmFolder::latents_name(int scene) { return scene_file(scene, "latents.safetensors"); }
std::string FilmFolder::video_name(int scene) { return scene_file(scene, "scene.mp4"); }
std::string FilmFolder::sheet_name(int scene) { return scene_file(scene, "sheet.png"); }

void FilmFolder::sweep_temporaries() const {
  std::vector<fs::path> folders{root_, root_ / "plan", state_folder()};
  std::error_code code;
  for (const char* parent : {"scenes", "motions", "characters"}) {
    for (const auto& entry : fs::directory_iterator(root_ / parent, code)) {
      if (entry.is_directory(code)) folders.push_back(entry.path());
    }
  }
  for (const fs::path& folder : folders) {
    for (const auto& entry : fs::directory_iterator(folder, code)) {
      const std::string name = entry.path().filename().string();
      if (!name.ends_with(".tmp")) continue;
      for (const char* artefact : {".latents.safetensors.", ".scene.mp4.", ".sheet.png.", ".clips.json.", ".report.json.", ".film.mp4.", ".plan.json.", ".preview.", ".prior.safetensors.", ".hashes.json."}) {
        if (name.starts_with(artefact)) fs::remove(entry.path(), code);
      }
    }
  }
}

FolderLock::FolderLock(const FilmFolder& folder) : folder_(folder) {
  while (!try_to_hold()) {
    // The last holder removed the file between our opening and locking it: what we hold is nobody's lock any more.
  }
}

bool FolderLock::try_to_hold() {
  make_folders(folder_.state_folder());
  file_ = LockFile::open(folder_.lock_file());
  if (!file_) return false;
  if (!file_->try_lock()) {
    throw Error(ErrorKind::busy, fmt::format("{}: another run holds the folder: {}", folder_.root().string(), file_->holder()),
                "wait for it, or stop it and run this again");
  }
  return file_->is_named();
}

FolderLock::~FolderLock() {
  std::error_code ignored;
  if (fs::status(folder_.journal_file(), ignored).type() != fs::file_type::not_found) {
    file_->clear();
  } else {
    // Nothing came of this run: the folder is left as it was found. `remove` spares a folder that holds something.
    fs::remove(folder_.lock_file(), ignored);
    fs::remove(folder_.state_folder(), ignored);
  }
}

}  // namespace dreamrunner
