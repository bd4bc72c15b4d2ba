#include "film/records.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/path_kind.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxJournalBytes = 256u << 20;

bool has_text(const Json& json, const char* name) { return json.contains(name) && json[name].is_string(); }

}  // namespace

std::string key_of(const Json& inputs) { return sha256_hex(inputs.dump()); }

Journal::Journal(fs::path file) : file_(std::move(file)) {
  if (!is_there(file_)) return;
  const std::string text = read_file(file_, kMaxJournalBytes);
  int64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    ++number;
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) {
      notes_.push_back(fmt::format("{}:{}: the last line was cut off; what it described is made again", file_.string(), number));
      break;
    }
    read_line(std::string_view(text).substr(begin, end - begin), number);
    begin = end + 1;
    sound_bytes_ = begin;
  }
}

void Journal::read_line(std::string_view line, int64_t number) {
  const std::string origin = fmt::format("{}:{}", file_.string(), number);
  const auto skip = [&](const std::string& why) { notes_.push_back(fmt::format("{}: {}; what it described is made again", origin, why)); };
  Json json;
  try {
    json = parse_json(line, origin);
  } catch (const Error&) {
    return skip("not JSON");
  }
  if (!json.is_object() || !json.contains("schema") || !json["schema"].is_number_integer()) return skip("not a record");
  if (json["schema"].get<int64_t>() > kRecordSchema) {
    throw Error(ErrorKind::input_file, fmt::format("{}: found schema {}, at most {} expected", origin, json["schema"].dump(), kRecordSchema),
                "the film was made by a newer program: use that one");
  }
  if (!has_text(json, "path")) return skip("not a record");
  const std::string path = json["path"];
  if (json.contains("retired") && json["retired"] == true) {
    records_.erase(path);
    return;
  }
  if (!has_text(json, "key") || !has_text(json, "sha256") || !has_text(json, "program") || !json.contains("size") ||
      !json["size"].is_number_unsigned() || !json.contains("inputs") || !json["inputs"].is_object()) {
    // An earlier record of the same path says nothing about the file that this line was about.
    records_.erase(path);
    return skip("not a record");
  }
  records_[path] = Record{path, json["key"], json["sha256"], json["size"], json["program"], json["inputs"]};
}

const Record* Journal::find(const std::string& path) const {
  const auto found = records_.find(path);
  return found != records_.end() ? &found->second : nullptr;
}

void Journal::append(const Record& record) {
  write_line({{"schema", kRecordSchema},
              {"path", record.path},
              {"key", record.key},
              {"sha256", record.sha256},
              {"size", record.size},
              {"program", record.program},
              {"inputs", record.inputs}});
  records_[record.path] = record;
}

void Journal::retire(const std::string& path) {
  if (!records_.contains(path)) return;
  write_line({{"schema", kRecordSchema}, {"path", path}, {"retired", true}});
  records_.erase(path);
}

void Journal::write_line(const Json& json) {
  const std::string line = json.dump() + "\n";
  const bool is_new = !is_there(file_);
  const int fd = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  const auto fail = [&] {
    const int reason = errno;
    if (fd >= 0) {
      [[maybe_unused]] const int undone = ::ftruncate(fd, static_cast<off_t>(sound_bytes_));
      ::close(fd);
    }
    throw Error(ErrorKind::storage, fmt::format("{}: cannot be written: {}", file_.string(), std::strerror(reason)));
  };
  if (fd < 0) fail();
  // Cuts off the rest of a line that a crash left, then writes behind the last whole one.
  if (::ftruncate(fd, static_cast<off_t>(sound_bytes_)) != 0) fail();
  size_t done = 0;
  while (done < line.size()) {
    const ssize_t n = ::pwrite(fd, line.data() + done, line.size() - done, static_cast<off_t>(sound_bytes_ + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail();
    done += static_cast<size_t>(n);
  }
  if (::fsync(fd) != 0) fail();
  ::close(fd);
  if (is_new) sync_folder(file_.parent_path());
  sound_bytes_ += line.size();
}

}  // namespace dreamrunner
