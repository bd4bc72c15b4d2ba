#include "film/film_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

std::string scene_file(int scene, const char* name) { return fmt::format("scenes/{:02}/{}", scene, name); }

std::string own_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) std::strcpy(host.data(), "unknown");
  return fmt::format("process {} on {}\n", ::getpid(), host.data());
}

}  // namespace

std::string lock_holder(int fd) {
  // The holder writes its name a moment after it has the lock; a loser that comes in between waits for it a little.
  for (int attempt = 0; attempt < 20; ++attempt) {
    std::array<char, 256> text{};
    const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
    if (size > 0 && text[static_cast<size_t>(size) - 1] == '\n') return std::string(text.data(), static_cast<size_t>(size) - 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return "a process that has not said its name";
}

void write_lock_holder(int fd) {
  const std::string name = own_name();
  if (::ftruncate(fd, 0) == 0) [[maybe_unused]] const ssize_t ignored = ::pwrite(fd, name.data(), name.size(), 0);
}

FilmFolder::FilmFolder(const fs::path& film) {
  std::error_code code;
  const fs::path absolute = fs::absolute(film).lexically_normal();
  const fs::file_status status = fs::status(absolute, code);
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
  if (!fs::exists(settings_file(), code)) {
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
      for (const char* artefact : {".latents.safetensors.", ".scene.mp4.", ".sheet.png.", ".film.mp4.", ".plan.json.", ".preview.", ".prior.safetensors.", ".hashes.json."}) {
        if (name.starts_with(artefact)) fs::remove(entry.path(), code);
      }
    }
  }
}

FolderLock::FolderLock(const FilmFolder& folder) : folder_(folder) {
  while (!try_to_hold()) {
    // The last holder removed the file between our opening and locking it: what we hold is nobody's lock any more.
  }
  write_lock_holder(fd_);
}

bool FolderLock::try_to_hold() {
  make_folders(folder_.state_folder());
  const std::string path = folder_.lock_file().string();
  const auto fail = [&](const char* what) {
    const int reason = errno;
    if (fd_ >= 0) ::close(fd_);
    throw Error(ErrorKind::storage, fmt::format("{}: {}: {}", path, what, std::strerror(reason)));
  };
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd_ < 0 && errno == ENOENT) return false;
  if (fd_ < 0) fail("cannot be opened");
  while (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) fail("cannot be locked");
    const std::string holder = lock_holder(fd_);
    ::close(fd_);
    throw Error(ErrorKind::busy, fmt::format("{}: another run holds the folder: {}", folder_.root().string(), holder),
                "wait for it, or stop it and run this again");
  }
  struct stat held {};
  struct stat named {};
  if (::fstat(fd_, &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev) return true;
  ::close(fd_);
  return false;
}

FolderLock::~FolderLock() {
  std::error_code ignored;
  if (fs::exists(folder_.journal_file(), ignored)) {
    [[maybe_unused]] const int result = ::ftruncate(fd_, 0);
  } else {
    // Nothing came of this run: the folder is left as it was found. `remove` spares a folder that holds something.
    fs::remove(folder_.lock_file(), ignored);
    fs::remove(folder_.state_folder(), ignored);
  }
  ::close(fd_);
}

}  // namespace dreamrunner
