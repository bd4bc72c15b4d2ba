#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace dreamrunner {

/// The `schema` of journal records that this program writes; a newer one is refused.
inline constexpr int kRecordSchema = 1;

/// What is known of one finished artefact.
struct Record {
  std::string path;     ///< Relative to the film folder.
  std::string key;      ///< SHA-256 of `inputs`; see `key_of`.
  std::string sha256;   ///< Of the file's bytes.
  uint64_t size = 0;    ///< Of the file, in bytes.
  std::string program;  ///< Version that made it.
  Json inputs;          ///< Everything that decided the bytes, by name; so a stale artefact can say what changed.
};

/// SHA-256 of `inputs` as JSON without blanks, keys in their order.
std::string key_of(const Json& inputs);

/// `.dreamrunner/journal.jsonl`: one JSON object a line, only ever appended to; the last record of a path counts.
/// A line that a crash cut off is dropped, a damaged one is skipped and named in `notes`: what they described is made again.
class Journal {
 public:
  /// Reads `file`; none is an empty journal. Throws Error(input_file) for a record of a newer schema.
  explicit Journal(std::filesystem::path file);

  /// The record that counts for `path`, or null.
  const Record* find(const std::string& path) const;

  /// Appends a record and returns when it is on the disk. Throws Error(storage), with the journal as it was.
  void append(const Record& record);

  /// Writes that no record of `path` counts any more; nothing happens when none does. Done before a file is made again, so
  /// that a crash between the new file and its record is not mistaken for damage.
  void retire(const std::string& path);

  /// Lines that were skipped, in words.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  void read_line(std::string_view line, int64_t number);
  void write_line(const Json& json);

  std::filesystem::path file_;
  uint64_t sound_bytes_ = 0;  ///< Up to the end of the last whole line.
  std::map<std::string, Record> records_;
  std::vector<std::string> notes_;
};

}  // namespace dreamrunner
