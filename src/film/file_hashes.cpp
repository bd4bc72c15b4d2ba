#include "film/file_hashes.h"

#include <sys/stat.h>

#include <ctime>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr int kHashesSchema = 1;
constexpr time_t kSettled_s = 2;  // File systems count in steps of up to two seconds.

std::string stamp_of(const struct stat& status) {
  return fmt::format("{} {}:{} {}.{:09} {}.{:09}", status.st_size, status.st_dev, status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                     status.st_ctim.tv_nsec);
}

}  // namespace

FileHashes::FileHashes(fs::path file) : file_(std::move(file)) {
  std::error_code ignored;
  if (!fs::exists(file_, ignored)) return;
  try {
    const Json json = read_json_file(file_);
    if (!json.is_object() || json.value("schema", 0) != kHashesSchema) return;
    for (const auto& [path, entry] : json.at("files").items()) entries_[path] = {entry.at("stamp").get<std::string>(), entry.at("sha256").get<std::string>()};
  } catch (const std::exception&) {
    entries_.clear();  // Only time is lost.
  }
}

std::string FileHashes::sha256(const fs::path& path) {
  struct stat before {};
  if (::stat(path.c_str(), &before) != 0 || static_cast<uint64_t>(before.st_size) < kLarge) return sha256_of_file(path);
  const std::string stamp = stamp_of(before);
  const std::string name = fs::absolute(path).lexically_normal().string();
  const auto known = entries_.find(name);
  if (known != entries_.end() && known->second.stamp == stamp) return known->second.sha256;
  const time_t now = std::time(nullptr);
  const std::string sha256 = sha256_of_file(path);
  struct stat after {};
  const bool settled = before.st_mtim.tv_sec + kSettled_s < now && before.st_ctim.tv_sec + kSettled_s < now;
  if (settled && ::stat(path.c_str(), &after) == 0 && stamp_of(after) == stamp) {
    entries_[name] = {stamp, sha256};
    changed_ = true;
  }
  return sha256;
}

void FileHashes::save() {
  if (!changed_ || file_.empty()) return;
  Json files = Json::object();
  for (const auto& [path, entry] : entries_) files[path] = {{"stamp", entry.stamp}, {"sha256", entry.sha256}};
  const Json json = {{"schema", kHashesSchema}, {"files", files}};
  write_file_atomic(file_, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  changed_ = false;
}

}  // namespace dreamrunner
