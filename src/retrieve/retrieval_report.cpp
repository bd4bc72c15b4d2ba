#include "retrieve/retrieval_report.h"

#include <algorithm>
#include <cmath>

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// More is refused where clips.json is read.
constexpr size_t kMostCaptionBytes = 16'384;

/// Scores are told to six digits: more would be noise of the machine.
Json told(double value) { return std::round(value * 1e6) / 1e6; }

Json box_json(const Box& box) { return {told(box.left), told(box.top), told(box.right), told(box.bottom)}; }

void add_scores(Json& json, const Candidate& candidate) {
  json["bm25"] = told(candidate.bm25);
  if (candidate.clip_score) json["clip"] = told(*candidate.clip_score);
  if (candidate.viclip_score) json["viclip"] = told(*candidate.viclip_score);
  if (candidate.score) json["score"] = told(*candidate.score);
}

Json attributes_json(const ClipAttributes& clip) {
  return {{"frames", clip.frames}, {"fps", told(clip.rate)}, {"seconds", told(clip.seconds())}, {"width", clip.width}, {"height", clip.height}};
}

Json candidate_json(const Candidate& candidate, size_t rank) {
  const Clip& clip = candidate.clip;
  Json json = {{"rank", rank + 1}, {"id", clip.id}, {"row", clip.row}, {"source", clip.source}};
  json["video"] = clip.video ? Json(clip.video->string()) : Json(nullptr);
  json["caption"] = clip.caption;
  json["listed"] = {clip.start_s, clip.end_s ? Json(*clip.end_s) : Json(nullptr)};
  json["fate"] = clip_fate_name(candidate.fate);
  if (!candidate.reason.empty()) json["reason"] = candidate.reason;
  if (candidate.fate == ClipFate::unreadable && candidate.bytes) json["bytes"] = *candidate.bytes;
  if (candidate.whole) json["whole"] = attributes_json(*candidate.whole);
  if (candidate.looks > 0) {
    json["looks"] = candidate.looks;
    json["looks_with_somebody"] = candidate.seen;
    json["people"] = candidate.people;
  }
  if (candidate.left) {
    json["left"] = attributes_json(*candidate.left);
    json["start"] = candidate.start_s;
    json["end"] = candidate.end_s ? Json(*candidate.end_s) : Json(nullptr);
    if (candidate.crop) json["crop"] = box_json(*candidate.crop);
  }
  add_scores(json, candidate);
  return json;
}

}  // namespace

std::string listed_caption(const std::string& caption) {
  std::string line;
  for (const char c : caption) {
    const bool blank = static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
    if (!blank) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  size_t size = std::min(line.size(), kMostCaptionBytes);
  // Not within a character.
  while (size > 0 && size < line.size() && (static_cast<unsigned char>(line[size]) & 0xc0) == 0x80) --size;
  while (size > 0 && line[size - 1] == ' ') --size;
  line.resize(size);
  return line;
}

Json clip_entry(const Candidate& candidate, const fs::path& folder, const fs::path& film) {
  const fs::path video = fs::absolute(*candidate.clip.video).lexically_normal();
  const fs::path in_film = video.lexically_relative(fs::absolute(film).lexically_normal());
  const bool inside = !in_film.empty() && *in_film.begin() != "..";
  Json entry = {{"path", inside ? video.lexically_relative(fs::absolute(folder).lexically_normal()).string() : video.string()}, {"caption", listed_caption(candidate.clip.caption)}};
  if (candidate.start_s > 0) entry["start"] = candidate.start_s;
  if (candidate.end_s) entry["end"] = *candidate.end_s;
  if (candidate.crop) entry["crop"] = box_json(*candidate.crop);
  entry["id"] = candidate.clip.id;
  add_scores(entry, candidate);
  return entry;
}

Json report_of(const Retrieval& retrieval) {
  Json report = {{"motion", retrieval.motion}, {"query", retrieval.query}};
  if (!retrieval.text.empty()) report["text"] = retrieval.text;
  if (retrieval.threshold) report["threshold"] = told(*retrieval.threshold);
  report["notes"] = retrieval.notes;
  Json counts = Json::object();
  for (const auto& [fate, count] : fates_of(retrieval)) counts[clip_fate_name(fate)] = count;
  report["counts"] = counts;
  report["candidates"] = Json::array();
  for (size_t i = 0; i < retrieval.candidates.size(); ++i) report["candidates"].push_back(candidate_json(retrieval.candidates[i], i));
  return report;
}

}  // namespace dreamrunner
