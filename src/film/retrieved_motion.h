#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "media/frames.h"

namespace dreamrunner {

/// A candidate whose video could not be decoded when it was looked at.
struct UnreadableVideo {
  std::filesystem::path video;
  uint64_t bytes = 0;  ///< Its size then.
};

/// What clips.json and report.json in a motion's folder say. Both may have been changed by a person.
struct RetrievedMotion {
  bool listed = false;      ///< clips.json is there.
  bool reported = false;    ///< report.json is there.
  bool unfinished = false;  ///< A run ended between the two: the list is the one that the report was to replace.
  bool edited = false;      ///< The list holds something that the report did not put into it.
  size_t clips = 0;         ///< In the list.
  std::string key;          ///< Of the report's inputs.
  Json removed_before = Json::array();  ///< Marks (`clip_mark`) of what had been taken out when the report was written.
  Json removed = Json::array();         ///< And of what was taken out since.
  std::vector<std::filesystem::path> videos;  ///< Of the clips in the list.
  std::vector<uint64_t> missing_rows;         ///< Of candidates whose video was not there.
  std::vector<UnreadableVideo> unreadable;
};

/// How a clip that was taken out is known again, whatever row it has by then: its `id` and `caption` as clips.json has them.
Json clip_mark(const std::string& id, const std::string& caption);

/// True where a person wrote the list and nothing was ever retrieved. Reads neither file.
bool is_listed_by_hand(const std::filesystem::path& folder);

/// Reads both files. A clip counts as taken out when the report put it into the list and nothing there has its id; one that
/// was changed does not. Throws Error(input_file) for a file that is no JSON, or not the one it should be.
RetrievedMotion read_retrieved_motion(const std::filesystem::path& folder);

/// Writes sheet.png, report.json and clips.json. Whatever ends the program between two of them, the list that was there
/// stays until the new one takes its place, and what was taken out of it is known. `report` holds the key and what was taken
/// out; `entries` are the new list's. Throws Error(storage).
void write_retrieved_motion(const std::filesystem::path& folder, const std::string& motion, Json report, const Json& entries, const Picture& sheet);

}  // namespace dreamrunner
