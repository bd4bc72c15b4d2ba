#include "film/freshness.h"

#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/path_kind.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr size_t kLongestShownValue = 40;

Verdict waiting(const FilmFolder& folder, const std::string& name, const std::string& reason) {
  if (!is_there(folder.root() / name)) return {Freshness::missing, "not made yet"};
  return {Freshness::stale, reason};
}

}  // namespace

std::string what_changed(const Json& recorded, const Json& wanted) {
  std::vector<std::string> changes;
  for (const auto& [name, value] : wanted.items()) {
    if (!recorded.contains(name)) {
      changes.push_back(name + " is new");
      continue;
    }
    const Json& before = recorded[name];
    if (before == value) continue;
    const std::string old_text = before.is_null() ? "the model's own" : before.dump();
    const std::string new_text = value.is_null() ? "the model's own" : value.dump();
    const bool is_short = old_text.size() <= kLongestShownValue && new_text.size() <= kLongestShownValue;
    changes.push_back(is_short ? fmt::format("{} was {}, is {}", name, old_text, new_text) : name + " changed");
  }
  for (const auto& [name, value] : recorded.items()) {
    if (!wanted.contains(name)) changes.push_back(name + " is no more");
  }
  return changes.empty() ? "made by another version of the program" : fmt::format("{}", fmt::join(changes, ", "));
}

const char* freshness_name(Freshness freshness) {
  switch (freshness) {
    case Freshness::fresh: return "fresh";
    case Freshness::missing: return "missing";
    case Freshness::stale: return "stale";
    case Freshness::damaged: return "damaged";
  }
  return "stale";
}

Verdict judge(const FilmFolder& folder, const Journal& journal, const std::string& name, const Json& wanted) {
  const fs::path file = folder.root() / name;
  const Record* record = journal.find(name);
  if (!is_there(file)) return {Freshness::missing, record != nullptr ? "deleted" : "not made yet"};
  if (record == nullptr) return {Freshness::stale, "no record says how it was made"};
  if (record->key != key_of(wanted)) return {Freshness::stale, what_changed(record->inputs, wanted)};
  const std::string difference = difference_from_record(folder, journal, name);
  return difference.empty() ? Verdict{Freshness::fresh, ""} : Verdict{Freshness::damaged, difference};
}

std::string difference_from_record(const FilmFolder& folder, const Journal& journal, const std::string& name) {
  const fs::path file = folder.root() / name;
  const Record* record = journal.find(name);
  const fs::file_status status = look_at(file);
  if (record == nullptr || !fs::exists(status)) return "";
  if (!fs::is_regular_file(status)) return "not a regular file";
  std::error_code code;
  const uint64_t size = fs::file_size(file, code);
  if (code) throw Error(ErrorKind::storage, fmt::format("{}: {}", file.string(), code.message()));
  if (size != record->size) return fmt::format("found {} bytes, its record says {}", size, record->size);
  if (sha256_of_file(file) != record->sha256) return "its bytes are not those of its record";
  return "";
}

SceneVerdict judge_scene(const FilmProject& film, const Journal& journal, int scene) {
  SceneVerdict verdict;
  const std::string latents = FilmFolder::latents_name(scene);
  verdict.latents = judge(film.folder, journal, latents, latents_inputs(film, scene));
  if (!verdict.latents.fresh()) {
    const std::string reason = fmt::format("its latents are {}", freshness_name(verdict.latents.freshness));
    verdict.video = waiting(film.folder, FilmFolder::video_name(scene), reason);
    verdict.sheet = waiting(film.folder, FilmFolder::sheet_name(scene), reason);
    return verdict;
  }
  const std::string sha256 = recorded_sha256(journal, latents);
  verdict.video = judge(film.folder, journal, FilmFolder::video_name(scene), video_inputs(film, scene, sha256));
  verdict.sheet = judge(film.folder, journal, FilmFolder::sheet_name(scene), sheet_inputs(film, scene, sha256));
  return verdict;
}

Verdict judge_film(const FilmProject& film, const Journal& journal) {
  std::vector<std::string> videos;
  for (int scene = 1; scene <= film.scene_count(); ++scene) {
    const Record* record = journal.find(FilmFolder::video_name(scene));
    if (record == nullptr) return waiting(film.folder, FilmFolder::film_name(), fmt::format("scene {} is not made", scene));
    videos.push_back(record->sha256);
  }
  return judge(film.folder, journal, FilmFolder::film_name(), film_inputs(film, videos));
}

std::string recorded_sha256(const Journal& journal, const std::string& name) {
  const Record* record = journal.find(name);
  if (record == nullptr) throw Error(ErrorKind::bug, fmt::format("{}: has no record", name));
  return record->sha256;
}

}  // namespace dreamrunner
