#include "film/prior_library.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "base/environment.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/path_kind.h"
#include "film/keep_aside.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr int kPriorRecordSchema = 1;
constexpr auto kLookAgain = std::chrono::milliseconds(100);

void remove_file(const fs::path& path) {
  std::error_code code;
  fs::remove(path, code);
  if (code) throw Error(ErrorKind::storage, fmt::format("{}: cannot be removed: {}", path.string(), code.message()));
}

}  // namespace

fs::path prior_library_folder(const fs::path& film, const std::string& setting) {
  if (!setting.empty()) return fs::absolute(film / setting).lexically_normal();
  if (const std::string folder = environment("DREAMRUNNER_PRIORS"); !folder.empty()) return fs::absolute(folder).lexically_normal();
  // A relative XDG path is to be ignored, says the specification.
  if (const std::string data = environment("XDG_DATA_HOME"); data.starts_with("/")) return fs::path(data) / "dreamrunner/priors";
  if (const std::string home = environment("HOME"); home.starts_with("/")) return fs::path(home) / ".local/share/dreamrunner/priors";
  throw Error(ErrorKind::usage, "no folder for learnt priors: DREAMRUNNER_PRIORS, XDG_DATA_HOME and HOME are not set", "set one, or `library` under [priors] in film.toml");
}

bool is_library_link(const fs::path& target) {
  const std::string key = target.parent_path().filename().string();
  const bool hexadecimal = std::all_of(key.begin(), key.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return target.filename() == "prior.safetensors" && key.size() == 64 && hexadecimal;
}

PriorLibrary::State PriorLibrary::look(const std::string& key) const {
  if (!is_there(record_file(key)) || !is_there(file(key))) return State::missing;
  Json record;
  try {
    record = read_json_file(record_file(key));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::storage) throw;
    return State::damaged;
  }
  const bool readable = record.is_object() && record.contains("sha256") && record["sha256"].is_string() && record.contains("size") && record["size"].is_number_unsigned();
  std::error_code code;
  if (!readable || !fs::is_regular_file(file(key), code)) return State::damaged;
  const uint64_t size = fs::file_size(file(key), code);
  if (code) throw Error(ErrorKind::storage, fmt::format("{}: {}", file(key).string(), code.message()));
  return size == record["size"].get<uint64_t>() && sha256_of_file(file(key)) == record["sha256"].get<std::string>() ? State::sound : State::damaged;
}

void PriorLibrary::record(const std::string& key, const Json& inputs, const Json& about) const {
  std::error_code code;
  const uint64_t size = fs::file_size(file(key), code);
  if (code) throw Error(ErrorKind::storage, fmt::format("{}: {}", file(key).string(), code.message()));
  Json record = {{"schema", kPriorRecordSchema}, {"key", key}, {"sha256", sha256_of_file(file(key))}, {"size", size}, {"program", DREAMRUNNER_VERSION}};
  record.update(about);
  record["inputs"] = inputs;
  write_file_atomic(record_file(key), record.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  fs::remove_all(work(key), code);  // What stays is only space.
}

fs::path PriorLibrary::retire(const std::string& key) const {
  remove_file(record_file(key));
  sync_folder(folder(key));
  std::error_code code;
  return fs::exists(fs::symlink_status(file(key), code)) ? keep_aside(file(key)) : fs::path();
}

void PriorLibrary::sweep_temporaries(const std::string& key) const {
  const auto sweep = [](const fs::path& place, std::string_view file) {
    const std::string begin = fmt::format(".{}.", file);
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(place, code)) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(".tmp") && name.starts_with(begin)) fs::remove(entry.path(), code);
    }
  };
  sweep(folder(key), "prior.safetensors");
  sweep(folder(key), "record.json");
  sweep(work(key), "state.safetensors");
}

PriorLock::PriorLock(const PriorLibrary& library, const std::string& key, const std::string& label, bool wait, RunContext& run) {
  make_folders(library.folder(key));
  const fs::path path = library.folder(key) / "lock";
  file_ = LockFile::open(path);
  if (!file_) throw Error(ErrorKind::storage, fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(ENOENT)));
  bool said = false;
  while (!file_->try_lock()) {
    if (!wait) {
      throw Error(ErrorKind::busy, fmt::format("{}: another run learns it: {}", label, file_->holder()), "wait for it: without --no-wait this is done for you");
    }
    if (!said) run.report().note(fmt::format("{}: another run learns it: {}; waiting for it", label, file_->holder()));
    said = true;
    run.check();
    std::this_thread::sleep_for(kLookAgain);
  }
}

PriorLock::~PriorLock() { file_->clear(); }

}  // namespace dreamrunner
