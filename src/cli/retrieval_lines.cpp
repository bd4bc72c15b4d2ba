#include "cli/retrieval_lines.h"

#include <fmt/format.h>

#include "cli/terminal_text.h"

namespace dreamrunner {

std::string motion_line(const MotionOutcome& motion) {
  if (!motion.retrieved) return fmt::format("motion {}: {} clips, {}", motion.id, motion.kept, clips_standing_name(motion.before));
  int candidates = 0;
  std::string dropped;
  for (const auto& [fate, count] : motion.fates) {
    candidates += count;
    if (fate != ClipFate::kept) dropped += fmt::format("{}{} {}", dropped.empty() ? "" : ", ", count, clip_fate_name(fate));
  }
  std::string line = fmt::format("motion {}: {} clips of {} candidates in {}", motion.id, motion.kept, candidates, format_duration(motion.seconds));
  if (!dropped.empty()) line += fmt::format(" (dropped: {})", dropped);
  return line;
}

Json motions_json(const std::vector<MotionOutcome>& motions) {
  Json list = Json::array();
  for (const MotionOutcome& motion : motions) {
    Json fates = Json::object();
    for (const auto& [fate, count] : motion.fates) fates[clip_fate_name(fate)] = count;
    list.push_back({{"motion", motion.id}, {"before", clips_standing_name(motion.before)}, {"retrieved", motion.retrieved}, {"kept", motion.kept}, {"fates", fates},
                    {"folder", motion.folder.string()}, {"notes", motion.notes}, {"seconds", motion.seconds}});
  }
  return list;
}

}  // namespace dreamrunner
